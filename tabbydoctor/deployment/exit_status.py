"""What `Result=` and the exit status of a service's main process mean.

systemd.exec(5), "Process Exit Codes", and what TabbyAPI itself exits with.
"""

from __future__ import annotations

import signal

from tabbydoctor.deployment.unit import Unit

_EXITED = "1"  # CLD_EXITED; 2 and 3 are killed and dumped

SYSTEMD_STATUS = {
    200: ("CHDIR", "WorkingDirectory={directory} is missing, or closed to {user}"),
    201: ("NICE", "Nice= could not be set"),
    202: ("FDS", "file descriptors could not be set up"),
    203: ("EXEC", "{program} of ExecStart= is missing, or {user} may not run it"),
    204: ("MEMORY", "systemd ran out of memory while it set the unit up"),
    205: ("LIMITS", "a limit (Limit…=) could not be set: it is above what is allowed"),
    206: ("OOM_ADJUST", "OOMScoreAdjust= could not be set"),
    207: ("SIGNAL_MASK", "the signal mask could not be set"),
    208: ("STDIN", "standard input could not be set up"),
    209: ("STDOUT", "standard output could not be set up, for example a log file's directory"),
    210: ("CHROOT", "RootDirectory= or RootImage= could not be entered"),
    211: ("IOPRIO", "IOSchedulingClass= or its priority could not be set"),
    212: ("TIMERSLACK", "TimerSlackNSec= could not be set"),
    213: ("SECUREBITS", "SecureBits= could not be set"),
    214: ("SETSCHEDULER", "CPUSchedulingPolicy= could not be set"),
    215: ("CPUAFFINITY", "CPUAffinity= could not be set: it names no processor of this machine"),
    216: ("GROUP", "a group of Group= or SupplementaryGroups= does not exist: {groups}"),
    217: ("USER", "there is no account {user}, which User= names"),
    218: ("CAPABILITIES", "its capabilities could not be set"),
    219: ("CGROUP", "its control group could not be set up"),
    220: ("SETSID", "a session of its own could not be made"),
    221: ("CONFIRM", "its start was not confirmed at the console"),
    222: ("STDERR", "standard error could not be set up, for example a log file's directory"),
    224: ("PAM", "PAM refused the session that PAMName= asks for"),
    225: ("NETWORK", "its network could not be set up: PrivateNetwork=, NetworkNamespacePath="),
    226: ("NAMESPACE", "the sandbox could not be set up, for example a path in it is missing"),
    227: ("NO_NEW_PRIVILEGES", "NoNewPrivileges= could not be set"),
    228: ("SECCOMP", "the system call filter could not be set"),
    229: ("SELINUX_CONTEXT", "SELinuxContext= could not be set"),
    230: ("PERSONALITY", "Personality= could not be set"),
    231: ("APPARMOR_PROFILE", "AppArmorProfile= could not be set: is the profile loaded?"),
    232: ("ADDRESS_FAMILIES", "the address families could not be restricted"),
    233: ("RUNTIME_DIRECTORY", "RuntimeDirectory= could not be made"),
    235: ("CHOWN", "a socket or directory could not be given to {user}"),
    236: ("SMACK_PROCESS_LABEL", "SmackProcessLabel= could not be set"),
    237: ("KEYRING", "the kernel's keyring could not be set up"),
    238: ("STATE_DIRECTORY", "StateDirectory= could not be made"),
    239: ("CACHE_DIRECTORY", "CacheDirectory= could not be made"),
    240: ("LOGS_DIRECTORY", "LogsDirectory= could not be made"),
    241: ("CONFIGURATION_DIRECTORY", "ConfigurationDirectory= could not be made"),
    242: ("NUMA_POLICY", "NUMAPolicy= or NUMAMask= could not be set"),
    243: ("CREDENTIALS", "a file of LoadCredential= is missing or cannot be read"),
}
TABBY_STATUS = {
    1: "TabbyAPI gave up: a value, the tokens file or the model; its log says which",
    2: "TabbyAPI does not know one of its arguments",
    3: "TabbyAPI could not bind its address",
    126: "a program that its command names cannot be run",
    127: "a program that its command names was not found",
}
RESULTS = {
    "oom-kill": "the kernel killed it because main memory ran out",
    "start-limit-hit": "it was started too often in too short a time",
    "timeout": "it did not start or stop in time",
    "watchdog": "it did not answer systemd's watchdog",
    "resources": "systemd could not set it up, for example a file of EnvironmentFile= is missing",
    "protocol": "it did not start the way its Type= promises",
    "exec-condition": "its ExecCondition= did not hold",
}
LOAD_STATES = {
    "bad-setting": "its unit file has a setting systemd refuses",
    "error": "its unit file cannot be loaded",
    "masked": "it is masked: nothing can start it",
}


def decoded(unit: Unit) -> tuple[str, str]:
    """What happened, in systemd's words and in plain ones: `203/EXEC`, "the program …"."""
    result, status = unit.get("Result"), unit.number("ExecMainStatus") or 0
    if unit.get("LoadState") in LOAD_STATES:
        return unit.get("LoadState"), LOAD_STATES[unit.get("LoadState")]
    if result in RESULTS:
        return result, RESULTS[result]
    if unit.get("ExecMainCode") == _EXITED and status:
        if status in SYSTEMD_STATUS:
            name, meaning = SYSTEMD_STATUS[status]
            return f"{status}/{name}", _in_words(unit, meaning)
        return f"exit status {status}", TABBY_STATUS.get(status, "it ended with an error")
    if result in ("signal", "core-dump"):
        return f"{result} {_signal_name(status)}", "it was killed, or it crashed"
    return result, "it ended with an error"


def setting_up(unit: Unit) -> bool:
    """Whether systemd itself failed, before the program: no fault of TabbyAPI's or the GPU's."""
    exited = unit.get("Result") == "exit-code" and unit.get("ExecMainCode") == _EXITED
    return exited and unit.number("ExecMainStatus") in SYSTEMD_STATUS


def never_ran(unit: Unit) -> bool:
    """Whether systemd gave up before the program: what its log says is of an earlier run."""
    status = unit.number("ExecMainStatus") or 0
    exited = unit.get("ExecMainCode") == _EXITED and status in SYSTEMD_STATUS
    return exited or unit.get("Result") == "resources" or unit.get("LoadState") in LOAD_STATES


def _in_words(unit: Unit, meaning: str) -> str:
    """With the unit's own program, account and so on put in."""
    return meaning.format(
        directory=unit.working_directory,
        program=(*unit.loaded_command, "the program")[0],
        user=unit.user,
        groups=" ".join((unit.get("Group"), unit.get("SupplementaryGroups"))).strip(),
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
