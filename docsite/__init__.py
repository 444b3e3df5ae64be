"""The documentation site: what is generated from the code, and what fails the build (see ``mkdocs.yml``)."""
