"""The demo's shop: a grocer's year of real purchases, written as the tables that any shop would bring."""
