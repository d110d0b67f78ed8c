"""The examples in the help texts, by command. A test reads each as the command line would."""

from rich.markup import escape

EXAMPLES: dict[str, tuple[str, ...]] = {
    "up": ("playground up", "playground up --port 4567 --mqtt-port 8884"),
    "down": ("playground down",),
    "reset": ("playground reset", "playground reset --yes"),
    "status": ("playground status", "playground status --output json --query devices"),
    "console": (
        "playground console",
        "playground console lamp --no-browser",
        "playground console --output json --query url",
        "playground console --home aws --port 4571",
        "playground console --home aws --upload",
    ),
    "env": (
        'eval "$(playground env)"',
        "playground env --output json --query AWS_ENDPOINT_URL",
        "playground env --sam > stack.env.json",
    ),
    "relay": ("playground relay", "playground relay --bind 172.17.0.1"),
    "sweep": ("playground sweep --dry-run", "playground sweep --older-than 0"),
    "selfcheck": ("playground selfcheck", "playground selfcheck --report seen.md --home aws"),
    "destroy": ("playground destroy", "playground destroy --profile workshop --region eu-west-1"),
    "create": (
        "playground create",
        "playground create lamp --type bulb --attribute room=kitchen",
        "playground create --method csr",
        "playground create lamp --method claim",
        "playground create lamp --method jitr",
        "playground create lamp --method claim-csr --batch spring",
        "playground create lamp --ttl 2h",
        "playground create gate --own --out gate-files",
        "playground create --count 5 --output json --query 'executions[].output.thingName'",
    ),
    "methods": (
        "playground methods",
        "playground methods claim",
        "playground methods csr --query \"steps[?target=='S3']\"",
    ),
    "authority list": ("playground authority list",),
    "authority sign": (
        "playground authority sign lamp",
        "playground authority sign gate --csr gate.csr > gate.pem",
    ),
    "authority remove": ("playground authority remove", "playground authority remove --yes"),
    "certificates": (
        "playground certificates",
        "playground certificates --due --output json --query 'certificates[].thing_name'",
        "playground certificates --rotate",
    ),
    "models": (
        "playground models",
        "playground models vehicle > my-model.json",
        "playground models --check my-model.json",
        "playground models --from recorded.jsonl > my-model.json",
        "playground models --from recorded.csv --replay > my-model.json",
    ),
    "list": (
        "playground list",
        "playground list --status offline,failed --type bulb",
        "playground list --output json --query 'devices[].thing_name'",
        "playground list --output json | jq '.devices[0]'",
        "playground list --query \"devices[?status=='OFFLINE'].[thing_name, last_seen_at]\"",
    ),
    "show": ("playground show lamp", "playground show lamp --query shadow.reported"),
    "describe": ("playground describe lamp",),
    "why": (
        "playground why lamp",
        "playground why lamp --timeline",
        "playground why lamp --output json --query 'troubles[0].sentence'",
    ),
    "explain": (
        "playground explain lamp publish dt/playground/lamp/telemetry",
        "playground explain lamp subscribe '#' --output json --query decision",
        "playground explain lamp --observed > policy.json",
    ),
    "settings": (
        "playground settings bulb",
        "playground settings lamp",
        "playground settings switch --output json --query 'settings[].[key, default]'",
    ),
    "set": (
        "playground set lamp time=5 status=on",
        "playground set lamp payload='{\"a\": 1}' --timeout 30",
    ),
    "unset": ("playground unset lamp payload", "playground unset lamp colour size"),
    "restart": ("playground restart lamp", "playground restart lamp wall"),
    "stop": ("playground stop lamp",),
    "delete": ("playground delete lamp", "playground delete lamp switch"),
    "demo": ("playground demo",),
    "command": (
        "playground command lamp help",
        "playground command lamp large bytes=1000 --output json",
    ),
    "watch": (
        "playground watch lamp",
        "playground watch wall lamp",
        "playground watch lamp --output json --query 'payload.temperature'",
    ),
    "listen": (
        "playground listen",
        "playground listen 'dt/playground/+/telemetry' --output json",
        "playground listen '$aws/things/+/shadow/#' --count 10",
        "playground listen --for 60 --output text --query '[topic, payload.temperature]'",
    ),
    "logs": (
        "playground logs lamp",
        "playground logs lamp --follow --source devices",
        "playground logs lamp --since 15m --filter refused --output json --query message",
    ),
    "audit": (
        "playground audit",
        "playground audit --fix --fail-on high",
        (
            "playground audit --check IOT_POLICY_OVERLY_PERMISSIVE_CHECK --output json "
            "--query findings"
        ),
    ),
    "push": ("playground push", "playground push --with codebuild", "playground push --from ."),
    "roll": ("playground roll --dry-run", "playground roll", "playground roll lamp wall"),
    "images": ("playground images", "playground images --query 'images[?current].digest'"),
    "link": ("playground link wall lamp",),
    "unlink": ("playground unlink wall lamp",),
    "links": ("playground links", "playground links lamp --output json --query 'links[].switch'"),
    "findings": (
        "playground findings",
        "playground findings rogue --output json --query 'findings[].rule'",
    ),
    "quarantine": ("playground quarantine lamp --reason 'was opened by somebody'",),
    "release": ("playground release lamp", "playground release lamp --force"),
    "drill": ("playground drill",),
    "serials add": (
        "playground serials add made-in-may.csv",
        "playground serials add serials.txt --batch spring",
    ),
    "serials list": (
        "playground serials list --batch spring",
        "playground serials list --output json --query 'serials[].serial'",
    ),
    "serials remove": (
        "playground serials remove lamp-1 lamp-2",
        "playground serials remove made-in-may.csv",
    ),
    "user add": ("playground user add maria --group viewers",),
    "user list": ("playground user list", "playground user list --query 'users[].name'"),
    "user remove": ("playground user remove maria",),
    "user password": (
        "playground user password admin",
        "playground user password admin --password-stdin",
    ),
    "token": ("playground token", "playground token --user maria --password-stdin"),
    "api": (
        "playground api",
        "playground api --output json --query url",
    ),
    "help": ("playground help", "playground help job create"),
    "completion": (
        'eval "$(playground completion bash)"',
        'eval "$(playground completion zsh)"',
        "playground completion fish | source",
    ),
    "cost": ("playground cost", "playground cost office --output json --query month"),
    "fleet create": ("playground fleet create office.json",),
    "fleet scale": ("playground fleet scale office lamp=20",),
    "fleet list": ("playground fleet list",),
    "fleet show": ("playground fleet show office --query 'groups[].statuses'",),
    "fleet set": (
        "playground fleet set office time=5",
        "playground fleet set office unit=imperial --group lamp",
    ),
    "fleet run": (
        "playground fleet run office",
        "playground fleet run office --cap 0.50",
        "playground fleet run office --speed 60",
    ),
    "fleet watch": ("playground fleet watch office",),
    "fleet report": (
        "playground fleet report office --query 'total.changes.seconds.p95'",
        "playground fleet report office --page report.html",
    ),
    "fleet stop": ("playground fleet stop office",),
    "fleet start": ("playground fleet start office",),
    "fleet delete": ("playground fleet delete office",),
    "job create": (
        "playground job create lamp change-unit unit=imperial --wait",
        "playground job create --all rotate-cert --timeout 5",
        "playground job create lamp update-firmware --file image.json --wait",
    ),
    "job show": (
        "playground job show",
        "playground job show lamp --output json --query 'executions[0].status'",
    ),
    "job list": (
        "playground job list",
        "playground job list --query \"jobs[?status=='IN_PROGRESS'].jobId\"",
    ),
    "job cancel": ("playground job cancel iot-playground-change-unit-1a2b3c4d --force",),
    "job delete": ("playground job delete iot-playground-change-unit-1a2b3c4d",),
    "job operations": ("playground job operations",),
}


BEGIN = (
    ("playground up", "start the local cloud"),
    ("playground create lamp --type bulb", "make a device; `models` lists the types"),
    ("playground list", "the devices that there are"),
    ("playground show lamp", "one of them"),
    ("playground watch lamp", "what it says and is told, until Ctrl-C"),
    ("playground settings bulb", "what can be set on a bulb"),
    ("playground set lamp status=on time=5", "change it through its shadow"),
    ("playground delete lamp", "remove it"),
    ("playground help", "all commands; `help create` tells of one"),
)
"""What a newcomer needs first, with a word on each; a test reads each as the command line would."""


def epilog(words: str) -> str | None:
    """The end of a command's help text; Rich puts what an empty line divides on lines of their
    own.
    """
    lines = EXAMPLES.get(words)
    return (
        "\n\n".join(["[bold]Examples[/bold]", *(escape(line) for line in lines)]) if lines else None
    )
