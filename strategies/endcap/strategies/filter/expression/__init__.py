"""The filter language: a subset of AIP-160 (https://google.aip.dev/160) over the attributes of the catalog.

    price < 5 AND (brand = "Acme" OR categories:"Coffee") AND NOT available = false

An attribute's name stands on the left, always. On the right stands a value: a bare word, a number, ``true``, ``false``,
or text in double or single quotes (escapes: ``\\\\ \\" \\' \\* \\n \\r \\t``). What the operators mean depends on the
attribute:

| | string | number | bool | list of strings |
|---|---|---|---|---|
| ``=`` ``!=`` | the whole text, case counts | equal | equal | – |
| ``<`` ``<=`` ``>`` ``>=`` | order by code point | order | – | – |
| ``:`` (has) | contains the text, case ignored | equal | equal | one entry is the text, case counts |
| ``:*`` | has a value (which may be ``""``) | has a value | has a value | is not empty |

"Case ignored" compares by Unicode case folding; nothing normalises composed and decomposed letters.

- Wildcards: an unescaped ``*`` first or last in a value stands for any text, after ``=`` and ``!=`` on strings and
  after ``:`` on lists: ``brand = "Ac*"``, ``categories:"*Tea"``, ``brand = "*an*"``.
- ``OR`` binds tighter than ``AND``, as the AIP has it: ``a AND b OR c`` is ``a AND (b OR c)``. Better write that.
- ``NOT a`` and ``-a`` are the same; both bind tightest. To negate twice, use parentheses.
- A missing value makes every comparison false. ``!=`` is ``NOT =`` and nothing else, so that an item without a brand
  passes ``brand != "Acme"``; ``brand:* AND brand != "Acme"`` leaves it out.
- Words are not split: a bare word may hold letters, digits and signs such as ``-``, ``.``, ``&``, but no space, quote,
  comma, backslash, parenthesis or operator sign. ``AND``, ``OR``, ``NOT`` as values need quotes.
- The empty text is the filter that keeps everything.

Left out of the AIP, each with an error that says what to write instead: bare literals (``Acme``), conditions side by
side without an operator, functions, comparison with several values at once (``a = (b OR c)``), durations, timestamps.
Parentheses nest at most 50 deep, and a filter has at most 100 conditions.
"""

from endcap.strategies.filter.expression.ast import And, Comparison, Expression, Not, Or, Present, Value
from endcap.strategies.filter.expression.error import FilterError
from endcap.strategies.filter.expression.evaluate import CompiledFilter, compile_filter
from endcap.strategies.filter.expression.parser import parse

__all__ = [
    "And",
    "Comparison",
    "CompiledFilter",
    "Expression",
    "FilterError",
    "Not",
    "Or",
    "Present",
    "Value",
    "compile_filter",
    "parse",
]
