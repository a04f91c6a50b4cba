"""The kinds of run by name, as in conf/study."""

from runners.studies.study import Study
from runners.studies.theory import THEORY
from runners.studies.training import TRAINING
from runners.studies.variance import VARIANCE

STUDIES: dict[str, Study] = {"training": TRAINING, "variance": VARIANCE, "theory": THEORY}
