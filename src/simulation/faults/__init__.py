"""What can be wrong with a company's tables: one function per fault.

To add a fault:

1. Find what it changes in `OF_THE_LOG` or `OF_THE_USERS_TABLE` (`simulation/plan.py`): the entry
   says what your function is given, after the strength, and what it returns.
2. Write the function in the module of this folder where a reader would look for it, under
   `@fault(changes, strengths=..., found_by=...)`: the strengths that the detection study tries, the
   largest last, and the checks that should find it. Its docstring says what the strength means, in
   whole sentences: `truth.json` quotes it. Faults that change the same thing act in the order in
   which they are written. (A new module is added to `_MODULES`.)
3. Draw random numbers from a stream named after the fault (`plan.choose` or `plan.stream`), so
   that everything else stays as it was without the fault.
4. Test in `tests/simulation/faults/` that the planted share is there, and add the rules of a clean
   company that it breaks, if any, to `RULES_BROKEN` (`test_faults.py`).
5. See how often the checks find it: `python -m benchmarks.detection --faults NAME`.
"""

from simulation.faults import additions, leaks, losses, population, signups, values, writing
from simulation.plan import Fault

_MODULES = (population, losses, writing, additions, signups, leaks, values)


def collect_faults() -> dict[str, Fault]:
    """Return the faults of all modules by name, in the order in which they act."""
    members = [member for module in _MODULES for member in vars(module).values()]
    return {member.name: member for member in members if isinstance(member, Fault)}


FAULTS = collect_faults()
"""All faults by name, in the order in which they act."""
