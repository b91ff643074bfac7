"""The shapes that the vendors' documents promise, as JSON schemas: required fields and their types.

Taken from Baseten's OpenAPI documents for deployment logs and training job metrics (read 2026-11-20). Objects are
closed, so that a field the document does not name is seen; `availability_model` and `node_count` are in the newest
document and client only.
"""

Schema = dict[str, object]


def _object(required: dict[str, object], optional: dict[str, object] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: object) -> Schema:
    return {"type": "array", "items": items}


TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
WHOLE_OR_NULL: Schema = {"type": ["integer", "null"]}
STAMP: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}

LOG_LINE = _object(
    {"timestamp": {"type": "string", "pattern": r"^\d{19}$"}, "message": TEXT, "replica": TEXT_OR_NULL},
    {"request_id": TEXT_OR_NULL, "level": {"enum": ["DEBUG", "INFO", "WARNING", "ERROR", None]}},
)
LOGS = _object({"logs": _list(LOG_LINE)})

SAMPLES = _list(_object({"value": {"type": "number"}, "timestamp": STAMP}))
BY_GPU: Schema = {"type": "object", "additionalProperties": SAMPLES}
STORAGE = _object({"usage_bytes": SAMPLES, "utilization": SAMPLES})
NODE_FIELDS: dict[str, object] = {
    "gpu_memory_usage_bytes": BY_GPU,
    "gpu_utilization": BY_GPU,
    "cpu_usage": SAMPLES,
    "cpu_memory_usage_bytes": SAMPLES,
    "ephemeral_storage": STORAGE,
}
INSTANCE_TYPE = _object(
    {
        "id": TEXT,
        "name": TEXT,
        "memory_limit_mib": WHOLE,
        "millicpu_limit": WHOLE,
        "gpu_count": WHOLE,
        "gpu_type": TEXT_OR_NULL,
        "gpu_memory_limit_mib": WHOLE_OR_NULL,
    }
)
TRAINING_JOB = _object(
    {
        "id": TEXT,
        "created_at": STAMP,
        "current_status": TEXT,
        "instance_type": INSTANCE_TYPE,
        "updated_at": STAMP,
        "training_project_id": TEXT,
        "training_project": _object({"id": TEXT, "name": TEXT}),
        "error_message": TEXT_OR_NULL,
        "name": TEXT_OR_NULL,
        "checkpoint_sync_status": {"enum": ["SYNCING", "COMPLETED", None]},
        "priority": WHOLE,
        "user": {"anyOf": [{"type": "null"}, _object({"email": TEXT_OR_NULL})]},
    },
    {"availability_model": TEXT, "node_count": WHOLE},
)
METRICS = _object(
    {
        **NODE_FIELDS,
        "training_job": TRAINING_JOB,
        "cache": {"anyOf": [{"type": "null"}, STORAGE]},
        "per_node_metrics": _list(_object({"node_id": TEXT, "metrics": _object(NODE_FIELDS)})),
    }
)

ENTRY = _object({}, {"logTime": STAMP, "rank": WHOLE, "message": TEXT})
ENTRIES = _object({}, {"entries": _list(ENTRY), "nextPageToken": TEXT})
