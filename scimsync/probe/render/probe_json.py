"""A report as one JSON document, see docs/reference/json-output.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scimsync.jsontext import json_text
from scimsync.probe.findings import ProbeFinding, findings
from scimsync.probe.values import Exchange, ProbeReport, ProbeResult


def json_report(report: ProbeReport) -> Iterator[str]:
    """Yield the document in one piece."""
    yield json_text(document(report), indented=True) + "\n"


def document(report: ProbeReport) -> dict[str, Any]:
    """Return the report as a value of JSON."""
    return {
        "url": report.url,
        "run": report.run,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "requests": len(report.exchanges),
        "exit_code": report.exit_code,
        "providers": {
            name: {
                "title": report.providers[name],
                **asdict(score),
                "percent": score.percent,
            }
            for name, score in report.scores.items()
        },
        "findings": [_finding(one) for one in findings(report)],
        "checks": [_result(one) for one in report.results],
        "left": [asdict(one) for one in report.left],
    }


def _finding(finding: ProbeFinding) -> dict[str, Any]:
    return {
        "check": finding.check.id,
        "outcome": finding.outcome,
        "title": finding.check.title,
        "providers": finding.providers,
        "found": finding.found,
        "hint": finding.check.hint,
        "also": list(dict.fromkeys(one.check.id for one in finding.consequences)),
    }


def _result(result: ProbeResult) -> dict[str, Any]:
    check = result.check
    return {
        "id": check.id,
        "provider": result.provider,
        "outcome": result.outcome,
        "title": check.title,
        "required": check.required,
        "standard": check.standard,
        "hint": check.hint,
        "step": result.step,
        "found": result.found,
        "exchanges": [_exchange(one) for one in result.exchanges],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "purpose": exchange.purpose,
        "started": exchange.started,
        "seconds": round(exchange.seconds, 4),
        "method": exchange.method,
        "path": exchange.path,
        "request_headers": exchange.request_headers,
        "request_body": exchange.request_body,
        "status": exchange.status,
        "response_headers": exchange.response_headers,
        "response_body": exchange.response_body,
        "problem": exchange.problem,
    }
