"""Baseten: training jobs (`baseten`) and model deployments (`baseten-model`). The entry points name these two."""

from bot.providers.baseten.deployments import create_deployments
from bot.providers.baseten.training import create_training

__all__ = ["create_deployments", "create_training"]
