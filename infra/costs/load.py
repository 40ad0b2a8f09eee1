"""The load: what a customer asks of a deployment, and how it is deployed. Its fields are the command's options."""

from math import ceil
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#instance-sizes
_PROCESSORS = {512: 0.25, 2048: 1.0, 4096: 2.0}


def _number(value: object) -> object:
    """Returns digits as the number that they write: a choice among numbers takes no text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Memory = Annotated[Literal[512, 2048, 4096], BeforeValidator(_number)]


class Load(BaseModel):
    """A load, and a deployment for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    accounts: int = Field(100, ge=0, description="mailboxes")
    delegated: float = Field(0.0, ge=0, le=1, description="share of them whose users sign in (IMAP)")
    events: float = Field(20.0, ge=0, description="events a mailbox and day")
    text: float = Field(0.0, ge=0, description="KB of mail text in an event, where notifyText is on")
    sweep_minutes: int = Field(20, ge=5, le=120, description="SWEEP_MINUTES")
    memory: Memory = Field(2048, description="memory of an instance, in MB")
    always_ready: int = Field(1, ge=0, description="instances that always wait for HTTP")
    always_ready_changes: int = Field(0, ge=0, description="instances that always wait for changes")
    sidecars: int = Field(0, ge=0, description="replicas of the sidecar")
    sidecar_cpu: float = Field(0.5, gt=0, le=4, description="processors of a replica")
    sidecar_memory: float = Field(1.0, gt=0, le=8, description="memory of a replica, in GiB")
    retention_days: int = Field(40, ge=31, le=730, description="RETENTION_DAYS")
    log_days: int = Field(30, ge=30, le=730, description="how long logs are kept, in days")
    sampling: float = Field(100.0, ge=0, le=100, description="percent of the telemetry that is kept")
    replication: Literal["LRS", "ZRS"] = Field("ZRS", description="copies of what is stored")
    private: bool = Field(default=False, description="private endpoints")
    nat: bool = Field(default=False, description="one fixed address for what goes out")
    cells: int = Field(1, ge=1, description="deployments that share the mailboxes evenly")

    @model_validator(mode="after")
    def _has_sidecars(self) -> Self:
        if self.by_sidecar and not self.sidecars:
            raise ValueError("--delegated: mailboxes of users who sign in need the sidecar; give --sidecars 1 or more")
        return self

    @property
    def by_graph(self) -> float:
        """How many mailboxes Graph tells of."""
        return self.accounts * (1 - self.delegated)

    @property
    def by_sidecar(self) -> float:
        """How many mailboxes the sidecar keeps open."""
        return self.accounts * self.delegated

    @property
    def gigabytes(self) -> float:
        """Memory of an instance as it is billed."""
        return self.memory / 1024

    @property
    def processors(self) -> float:
        """Processors of an instance."""
        return _PROCESSORS[self.memory]

    def of_a_cell(self) -> "Load":
        """Returns what the fullest of the cells has to do."""
        return self.model_copy(update={"accounts": ceil(self.accounts / self.cells), "cells": 1})
