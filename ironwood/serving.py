"""The startup script of a VM: it runs the model server of the profile in a container.

The script is part of the instance template, hence of its content hash: a changed script is a new template. A secret's value is no part of it: the
template's metadata names the secret, the VM reads it as its account and hands it to the container.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from types import MappingProxyType

from ironwood.profile import Profile

API_KEY, MODEL_TOKEN = "api-key-secret", "model-token-secret"
"""Keys of a VM's metadata below which it finds the names of secrets, `projects/P/secrets/S`."""
VARIABLES = {API_KEY: ("API_KEY", "VLLM_API_KEY"), MODEL_TOKEN: ("HF_TOKEN",)}
"""The variables of the container that get a secret's value; vLLM knows the second of a key and asks for it below /v1."""

_SCRIPT = Template(
    """\
#!/bin/bash
# Serves $model_name on port $port; ready when GET $readiness_path answers 200.
set -euo pipefail
${secrets}docker run --detach --restart=always --name=model-server --privileged --network=host \\
  --env=MODEL_NAME=$model_name --env=MODEL_SOURCE=$model_source --env=PORT=$port \\
  --env=READINESS_PATH=$readiness_path --env=TPU_TOPOLOGY=$vm_topology$more$env_file \\
  $image
"""
)
_SECRETS = """\
# Secrets go from Secret Manager into the container, through memory, and are printed nowhere.
umask 077
about() { curl --silent --fail --header 'Metadata-Flavor: Google' "http://metadata.google.internal/computeMetadata/v1/instance/$1"; }
token() { about service-accounts/default/token | python3 -c 'import json, sys; print("Authorization: Bearer " + json.load(sys.stdin)["access_token"])'; }
secret() {
  token | curl --silent --fail --retry 60 --retry-delay 5 --retry-all-errors --header @- \\
    "https://secretmanager.googleapis.com/v1/$(about "attributes/$1")/versions/latest:access" |
    python3 -c 'import base64, json, sys; print(base64.b64decode(json.load(sys.stdin)["payload"]["data"]).decode())'
}
"""
_FILE = "/run/model-server.env"


def startup_script(profile: Profile, topology: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """The script every VM runs at boot; `topology` is that of the slice it is part of: its own four chips, or a pod's; `more` variables."""
    serving = profile.serving
    keys = [*([API_KEY] if profile.security.api_key else []), *([MODEL_TOKEN] if profile.security.model_token else [])]
    return _SCRIPT.substitute(
        model_name=profile.model_name,
        model_source=serving.model_source,
        port=serving.port,
        readiness_path=serving.readiness_path,
        vm_topology=topology,
        more="".join(f" --env={name}={value}" for name, value in more.items()),
        image=serving.image,
        secrets=_SECRETS + "".join(_read(key) for key in keys) if keys else "",
        env_file=f" --env-file={_FILE}" if keys else "",
    )


def _read(key: str) -> str:
    """The lines that put a secret's value into the container's environment."""
    lines = "".join(f"{name}=%s\\n" for name in VARIABLES[key])
    values = " ".join(['"$value"'] * len(VARIABLES[key]))
    return f"value=$(secret {key})\nprintf '{lines}' {values} >> {_FILE}\n"
