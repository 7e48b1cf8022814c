"""Generated from protos/endcap/v1 by `make proto`; never edited by hand."""
