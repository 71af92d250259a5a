"""Honest companies unlike the usual one: one function, or a few, per family.

Of every family it is true that no event and no user is missing, false or double. Only the
product's life differs: who comes, when, how often, and how it is written. A check that fails on
one of them is wrong.

To add a family:

1. Find what is different in `OF_A_FAMILY` (`simulation/plan.py`): the entry says what your function
   is given, and what it returns.
2. Write the function under `@family(changes)` in the module of this folder where a reader would
   look for it. Its docstring says what is true of these companies, in whole sentences. A second
   thing that differs is a function under `@<name>.also(changes)`.
3. Draw random numbers from a stream named after the family (`plan.choose` or `plan.stream`).
4. Test in `tests/simulation/test_families.py` that what the docstring says is there.
5. See which checks fire: `python -m benchmarks.honest --families NAME`.
"""

from simulation.families import rhythm, signups, writing
from simulation.plan import Family

_MODULES = (signups, rhythm, writing)


def collect_families() -> dict[str, Family]:
    """Return the families of all modules by name."""
    members = [member for module in _MODULES for member in vars(module).values()]
    return {member.name: member for member in members if isinstance(member, Family)}


FAMILIES = collect_families()
"""All families by name."""
