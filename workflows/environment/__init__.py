"""Which versions of third-party code a step depends on: read from lock files, narrowed to what its code imports."""

from tiphys.workflows.environment.environments import Environments
from tiphys.workflows.environment.model import Environment, EnvironmentComponent, ImportTable

__all__ = ["Environment", "EnvironmentComponent", "Environments", "ImportTable"]
