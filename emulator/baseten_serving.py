"""Baseten's management API: models, deployments, environments and chains, with their logs and metrics.

Not how lines are chosen (``baseten_logs.py``) or measurements written (``baseten_serving_metrics.py``).
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.baseten_logs import BadRequest, DeploymentLogRequest, TrainingLogRequest, page_of, render_lines
from emulator.baseten_requests import read_request, refusal
from emulator.baseten_serving_metrics import DeploymentMetricsRequest, serving_metrics_of
from emulator.http_json import UNKNOWN_FIELD, json_response, rfc3339, route
from emulator.logs import Line, Log
from emulator.quirks import BasetenQuirks, Quirks
from emulator.world import Chainlet, Deployment, World

MODEL = "/v1/models/{model_id}"
DEPLOYMENTS = MODEL + "/deployments"
DEPLOYMENT = DEPLOYMENTS + "/{deployment_id}"
ENVIRONMENTS = MODEL + "/environments"
ENVIRONMENT = ENVIRONMENTS + "/{env_name}"
CHAIN_DEPLOYMENTS = "/v1/chains/{chain_id}/deployments"
CHAIN_DEPLOYMENT = CHAIN_DEPLOYMENTS + "/{chain_deployment_id}"
CHAINLET_LOGS = CHAIN_DEPLOYMENT + "/chainlets/{chainlet_id}/logs"
TEAM = "research"
SERVES = ("ACTIVE", "UNHEALTHY", "UPDATING")
AUTOSCALING = {
    "min_replica": 1,
    "max_replica": 4,
    "autoscaling_window": 60,
    "scale_down_delay": 900,
    "concurrency_target": 8,
    "target_utilization_percentage": 70,
}
BACKPRESSURE = {"policy": "QUEUE_ON_FULL"}


def log_page(
    log: Log, wanted: TrainingLogRequest, now_ns: int, quirks: BasetenQuirks, chance: random.Random
) -> list[Line]:
    """Return the lines that a request gets, or refuse it."""
    try:
        return page_of(log, wanted, now_ns, quirks, chance)
    except BadRequest as error:
        raise refusal(400, str(error)) from error


def serving_routes(
    world: World, quirks: Quirks, authorize: Callable[[Request], None], chance: random.Random
) -> list[Route]:
    """Return the routes about models and chains."""
    serving = _Serving(world, quirks, chance)
    return [
        route("/v1/models", serving.models, authorize),
        route(DEPLOYMENTS, serving.deployments, authorize),
        route(DEPLOYMENT, serving.deployment, authorize),
        route(DEPLOYMENT + "/logs", serving.deployment_logs, authorize, ("GET", "POST")),
        route(DEPLOYMENT + "/metrics", serving.deployment_metrics, authorize),
        route(ENVIRONMENTS, serving.environments, authorize),
        route(ENVIRONMENT, serving.environment, authorize),
        route(ENVIRONMENT + "/logs", serving.environment_logs, authorize),
        route(ENVIRONMENT + "/metrics", serving.environment_metrics, authorize),
        route("/v1/instance_types", serving.instance_types, authorize),
        route("/v1/chains", serving.chains, authorize),
        route(CHAIN_DEPLOYMENTS, serving.chain_deployments, authorize),
        route(CHAIN_DEPLOYMENT, serving.chain_deployment, authorize),
        route(CHAINLET_LOGS, serving.chainlet_logs, authorize),
    ]


@dataclass(frozen=True, slots=True)
class _Serving:
    world: World
    all_hazards: Quirks
    chance: random.Random

    @property
    def quirks(self) -> BasetenQuirks:
        return self.all_hazards.baseten

    def models(self, _request: Request, _body: bytes) -> Response:
        return json_response({"models": [self._model(model_id) for model_id in self.world.model_names]})

    def deployments(self, request: Request, _body: bytes) -> Response:
        own = self._deployments(request.path_params["model_id"])
        return json_response({"deployments": [self._deployment(deployment) for deployment in own]})

    def deployment(self, request: Request, _body: bytes) -> Response:
        return json_response(self._deployment(self._find(request)))

    def deployment_logs(self, request: Request, body: bytes) -> Response:
        deployment = self._find(request)
        self._refuse_warmup(deployment)
        return self._page(deployment.log, request, body)

    def deployment_metrics(self, request: Request, body: bytes) -> Response:
        return self._metrics(self._find(request), request, body)

    def environments(self, request: Request, _body: bytes) -> Response:
        model_id = request.path_params["model_id"]
        names = dict.fromkeys(one.environment for one in self._deployments(model_id) if one.environment)
        return json_response({"environments": [self._environment(model_id, name) for name in names]})

    def environment(self, request: Request, _body: bytes) -> Response:
        parameters = request.path_params
        self._in_environment(request)
        return json_response(self._environment(parameters["model_id"], parameters["env_name"]))

    def environment_logs(self, request: Request, body: bytes) -> Response:
        found = self._in_environment(request)
        if len(found) == 1:
            return self._page(found[0].log, request, body)
        return self._page(Log(line for one in found for line in one.log.lines), request, body)

    def environment_metrics(self, request: Request, body: bytes) -> Response:
        return self._metrics(self._in_environment(request)[0], request, body)

    def instance_types(self, _request: Request, _body: bytes) -> Response:
        types = {one.instance_type.id: one.instance_type for one in self.world.deployments.values()}
        types |= {one.instance_type.id: one.instance_type for one in self.world.chainlets.values()}
        return json_response({"instance_types": list(types.values())})

    def chains(self, _request: Request, _body: bytes) -> Response:
        ids = dict.fromkeys(chain_id for chain_id, _, _ in self.world.chainlets)
        return json_response({"chains": [self._chain(chain_id) for chain_id in ids]})

    def chain_deployments(self, request: Request, _body: bytes) -> Response:
        chain_id = request.path_params["chain_id"]
        ids = dict.fromkeys(deployment for chain, deployment, _ in self.world.chainlets if chain == chain_id)
        return json_response({"deployments": [self._chain_deployment(chain_id, one) for one in ids]})

    def chain_deployment(self, request: Request, _body: bytes) -> Response:
        parameters = request.path_params
        return json_response(self._chain_deployment(parameters["chain_id"], parameters["chain_deployment_id"]))

    def chainlet_logs(self, request: Request, body: bytes) -> Response:
        parameters = request.path_params
        key = (parameters["chain_id"], parameters["chain_deployment_id"], parameters["chainlet_id"])
        chainlet = self.world.chainlets.get(key)
        if chainlet is None:
            raise refusal(404, "Chainlet not found")
        self._refuse_warmup(chainlet)
        return self._page(chainlet.log, request, body)

    def _page(self, log: Log, request: Request, body: bytes) -> Response:
        wanted = read_request(request, body, DeploymentLogRequest)
        lines = log_page(log, wanted, self.world.now_ns, self.quirks, self.chance)
        return json_response({"logs": render_lines(lines, self._unknown())})

    def _metrics(self, deployment: Deployment, request: Request, body: bytes) -> Response:
        if not self.quirks.serves_deployment_metrics:
            raise refusal(404, "Not found")
        wanted = read_request(request, body, DeploymentMetricsRequest)
        try:
            answer = serving_metrics_of(deployment.metrics, wanted, self.world.now_ns, self.quirks)
        except BadRequest as error:
            raise refusal(400, str(error)) from error
        return json_response({**answer, **self._unknown()})

    def _refuse_warmup(self, owner: Deployment | Chainlet) -> None:
        if self.world.now < owner.history.created_at + self.quirks.deployment_warmup:
            raise refusal(404, "Logs are not available yet")

    def _find(self, request: Request) -> Deployment:
        parameters = request.path_params
        deployment = self.world.deployments.get((parameters["model_id"], parameters["deployment_id"]))
        if deployment is None:
            raise refusal(404, "Deployment not found")
        return deployment

    def _deployments(self, model_id: str) -> list[Deployment]:
        if model_id not in self.world.model_names:
            raise refusal(404, "Model not found")
        return [one for one in self.world.deployments.values() if one.model_id == model_id]

    def _in_environment(self, request: Request) -> list[Deployment]:
        parameters = request.path_params
        found = self._of(parameters["model_id"], parameters["env_name"])
        if not found:
            raise refusal(404, "Environment not found")
        return found

    def _of(self, model_id: str, environment: str) -> list[Deployment]:
        """Return the environment's deployments, the current one first."""
        found = [one for one in self._deployments(model_id) if one.environment == environment]
        return sorted(found, key=lambda one: one.history.created_at, reverse=True)

    def _model(self, model_id: str) -> dict[str, object]:
        own = self._deployments(model_id)
        production = next((one for one in own if one.environment == "production"), None)
        return {
            "id": model_id,
            "created_at": rfc3339(min(one.history.created_at for one in own)),
            "name": self.world.model_names[model_id],
            "deployments_count": len(own),
            "production_deployment_id": None if production is None else production.deployment_id,
            "development_deployment_id": None,
            "instance_type_name": (production or own[0]).instance_type.id,
            "team_name": TEAM,
            **self._unknown(),
        }

    def _deployment(self, deployment: Deployment) -> dict[str, object]:
        status = deployment.history.at(self.world.now).name
        return {
            "id": deployment.deployment_id,
            "created_at": rfc3339(deployment.history.created_at),
            "name": deployment.name,
            "model_id": deployment.model_id,
            "is_production": deployment.environment == "production",
            "is_development": False,
            "status": status,
            "active_replica_count": deployment.replicas if status in SERVES else 0,
            "autoscaling_settings": AUTOSCALING if status in SERVES else None,
            "instance_type_name": deployment.instance_type.id,
            "environment": deployment.environment,
            "labels": None,
            "region": None,
            "request_backpressure_settings": BACKPRESSURE,
            **self._unknown(),
        }

    def _environment(self, model_id: str, name: str) -> dict[str, object]:
        current, *older = self._of(model_id, name)
        return {
            "name": name,
            "created_at": rfc3339(min(one.history.created_at for one in (current, *older))),
            "model_id": model_id,
            "current_deployment": self._deployment(current),
            "candidate_deployment": None,
            "in_progress_promotion": None,
            "autoscaling_settings": AUTOSCALING,
            "promotion_settings": {"redeploy_on_promotion": False, "rolling_deploy": False},
            "instance_type": current.instance_type,
            "request_backpressure_settings": BACKPRESSURE,
            "autoscaling_schedules": None,
            "traffic_routing": None,
            **self._unknown(),
        }

    def _chain(self, chain_id: str) -> dict[str, object]:
        own = [one for one in self.world.chainlets.values() if one.chain_id == chain_id]
        return {
            "id": chain_id,
            "created_at": rfc3339(min(one.history.created_at for one in own)),
            "name": chain_id,
            "deployments_count": len({one.chain_deployment_id for one in own}),
            "team_name": TEAM,
            **self._unknown(),
        }

    def _chain_deployment(self, chain_id: str, deployment_id: str) -> dict[str, object]:
        own = [
            one
            for one in self.world.chainlets.values()
            if (one.chain_id, one.chain_deployment_id) == (chain_id, deployment_id)
        ]
        if not own:
            raise refusal(404, "Chain deployment not found")
        statuses = [one.history.at(self.world.now).name for one in own]
        return {
            "id": deployment_id,
            "created_at": rfc3339(min(one.history.created_at for one in own)),
            "chain_id": chain_id,
            "environment": own[0].environment,
            "chainlets": list(self._chainlets(own)),
            "status": next((status for status in statuses if status != "ACTIVE"), "ACTIVE"),
            **self._unknown(),
        }

    def _chainlets(self, chainlets: Iterable[Chainlet]) -> Iterable[dict[str, object]]:
        for one in chainlets:
            status = one.history.at(self.world.now).name
            yield {
                "id": one.chainlet_id,
                "name": one.name,
                "autoscaling_settings": AUTOSCALING if status in SERVES else None,
                "instance_type_name": one.instance_type.id,
                "active_replica_count": one.replicas if status in SERVES else 0,
                "status": status,
                **self._unknown(),
            }

    def _unknown(self) -> dict[str, object]:
        return dict(UNKNOWN_FIELD) if self.quirks.extra_fields else {}
