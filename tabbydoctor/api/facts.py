"""What a plug-in may name in its annotations: the facts of a deployment, and what goes with them.

    from tabbydoctor.api.facts import EffectiveConfig, Instance

A check names facts as its parameters, a gatherer of a plug-in, too; a cure's planner names the
`Draft` that it plans in, and raises `CannotFix`. What is named here stays as long as `VERSION` of
`tabbydoctor.api` does; everything else in the house may move.
"""

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.container_labels import ContainerLabels
from tabbydoctor.deployment.device_rules import DeviceRules
from tabbydoctor.deployment.disk_room import DiskRoom
from tabbydoctor.deployment.log_directory import LogDirectory
from tabbydoctor.deployment.parts import (
    Connections,
    Discovery,
    Instance,
    Machine,
    ProcessState,
    ProcessTable,
    RouterSite,
    Units,
)
from tabbydoctor.deployment.people import People
from tabbydoctor.deployment.program import ServerProgram
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.described.parts import Description
from tabbydoctor.described.server import DescribedServer, DescribedServers
from tabbydoctor.diagnosis.report import CheckResult, Report, Root
from tabbydoctor.front.standing import Front, FrontMeans, FrontStanding
from tabbydoctor.gpu.architectures import Architectures
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.cuda_library import CudaLibrary
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import DeviceNodes, Driver
from tabbydoctor.gpu.estimated_model import EstimatedModel
from tabbydoctor.gpu.kernel_log import KernelLog
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_room import MemoryRoom
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.gpu.triton_build import TritonBuild
from tabbydoctor.gpu.usable_room import UsableRoom
from tabbydoctor.host import Account, FileStatus, Host, HttpAnswer, Process
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.reports import Reporter
from tabbydoctor.routers import Call, Position, RouterReading
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.judged import RouterJudgement
from tabbydoctor.routers.kind import CannotGiveKey, KeyedKind, RouterKind
from tabbydoctor.routers.kinds import RouterKinds
from tabbydoctor.routers.model_names import AskedModels
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.routers.refusals import RouterRefusals
from tabbydoctor.routers.site.health import RouterBackends, RouterHealth, RouterTargets
from tabbydoctor.routers.site.keys import RouterKeys
from tabbydoctor.routers.staleness import RouterStaleness
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.witness import RouterWitness
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.contained_files import ContainedFiles
from tabbydoctor.tabbyapi.extras import TabbyExtras
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_holdings import LogHoldings
from tabbydoctor.tabbyapi.lost_program import LostProgram
from tabbydoctor.tabbyapi.misnamed import MisnamedKeys
from tabbydoctor.tabbyapi.model_files import ModelFiles
from tabbydoctor.tabbyapi.model_overrides import ModelOverrides
from tabbydoctor.tabbyapi.model_weights import ModelWeights
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.tabbyapi.sandbox_needs import TritonCache
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.targets import Targets

__all__ = [
    "Account",
    "Address",
    "Architectures",
    "AskedModels",
    "Backend",
    "Call",
    "CannotFix",
    "CannotGiveKey",
    "ChangedSince",
    "CheckResult",
    "Connections",
    "ContainedFiles",
    "Container",
    "ContainerLabels",
    "CudaLibrary",
    "CudaUse",
    "DescribedServer",
    "DescribedServers",
    "Description",
    "DeviceNodes",
    "DeviceRules",
    "Discovery",
    "DiskRoom",
    "Draft",
    "Driver",
    "EffectiveConfig",
    "Endpoint",
    "EstimatedModel",
    "FileStatus",
    "FixRequest",
    "Front",
    "FrontMeans",
    "FrontStanding",
    "GpuNeed",
    "Host",
    "HttpAnswer",
    "Installation",
    "Instance",
    "KernelLog",
    "KeyedKind",
    "LogDirectory",
    "LogHoldings",
    "LostProgram",
    "Machine",
    "MemoryNeed",
    "MemoryRoom",
    "MisnamedKeys",
    "ModelFiles",
    "ModelOverrides",
    "ModelWeights",
    "NixModule",
    "People",
    "Position",
    "Process",
    "ProcessState",
    "ProcessTable",
    "PythonEnvironment",
    "Report",
    "Reporter",
    "Root",
    "RouterBackends",
    "RouterHealth",
    "RouterInputs",
    "RouterJudgement",
    "RouterKeys",
    "RouterKind",
    "RouterKinds",
    "RouterReach",
    "RouterRead",
    "RouterReading",
    "RouterRefusals",
    "RouterSite",
    "RouterStaleness",
    "RouterTargets",
    "RouterWitness",
    "RunLog",
    "ServerProgram",
    "ServiceGroups",
    "TabbyExtras",
    "Targets",
    "TokenPaths",
    "Tokens",
    "TritonBuild",
    "TritonCache",
    "Unit",
    "Units",
    "UsableRoom",
]
