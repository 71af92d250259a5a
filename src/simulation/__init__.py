"""Simulated users and events of the case's schema, from a model whose truth is known.

Each user has an exponential lifetime ("inactivity hazard", memoryless) whose log hazard is
linear in stated attributes plus a normal frailty, and opens sessions as a Poisson process
while alive: the individual level of the Pareto/NBD model (Schmittlein, Morrison & Colombo
1987, Management Science 33(1)). A user who signs up inside the log opens a first session at
that instant. Some attributes matter by exactly 0, so a report that finds a difference is wrong.

Every random draw comes from a stream named after what it draws, so a fault changes what it
plants and leaves the rest of the data as they were. All data are invented.

`simulate` makes a company, `write` its files; `FAULTS` lists what can be wrong with it, `FAMILIES`
honest companies unlike the usual one, and `simulation.faults` and `simulation.families` say how to
add to them.
"""

from simulation.dirt import DIRT
from simulation.families import FAMILIES
from simulation.faults import FAULTS
from simulation.rendering import EVENT_COLUMNS
from simulation.simulator import Drawn, Simulation, draw, simulate, tabulate, write
from simulation.times import LOG_END, LOG_START
from simulation.truth import true_churn_probability
from simulation.users import USER_COLUMNS

__all__ = [
    "DIRT",
    "EVENT_COLUMNS",
    "FAMILIES",
    "FAULTS",
    "LOG_END",
    "LOG_START",
    "USER_COLUMNS",
    "Drawn",
    "Simulation",
    "draw",
    "simulate",
    "tabulate",
    "true_churn_probability",
    "write",
]
