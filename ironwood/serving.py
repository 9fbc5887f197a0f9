"""The startup script of a VM: it runs the model server of the profile in a container.

The script is part of the instance template, hence of its content hash: a changed script is a new template.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from types import MappingProxyType

from ironwood.profile import Profile

_SCRIPT = Template(
    """\
#!/bin/bash
# Serves $model_name on port $port; ready when GET $readiness_path answers 200.
set -euo pipefail
docker run --detach --restart=always --name=model-server --privileged --network=host \\
  --env=MODEL_NAME=$model_name --env=MODEL_SOURCE=$model_source --env=PORT=$port \\
  --env=READINESS_PATH=$readiness_path --env=TPU_TOPOLOGY=$vm_topology$more \\
  $image
"""
)


def startup_script(profile: Profile, topology: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """The script every VM runs at boot; `topology` is that of the slice it is part of: its own four chips, or a pod's; `more` variables."""
    serving = profile.serving
    return _SCRIPT.substitute(
        model_name=profile.model_name,
        model_source=serving.model_source,
        port=serving.port,
        readiness_path=serving.readiness_path,
        vm_topology=topology,
        more="".join(f" --env={name}={value}" for name, value in more.items()),
        image=serving.image,
    )
