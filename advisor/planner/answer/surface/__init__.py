"""The response surface behind the page's what-if: closed forms by box and stage, and what simulations add to them."""
