"""What boxes cost on a day: offers of products, taken apart into box, memory and disk, and put together again."""
