"""What NetworkPolicies let through: a pod that one selects is closed, but for what one of them allows."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any


@dataclass(frozen=True)
class End:
    """A pod, by its labels and its namespace's, or (without a namespace) an address outside the cluster."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = ""
    address: str = ""


def selects(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """Whether a label selector does; an empty one selects everything, none at all nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        has, value = rule["key"] in labels, labels.get(rule["key"])
        holds = {
            "In": has and value in rule.get("values", []),
            "NotIn": value not in rule.get("values", []),
            "Exists": has,
            "DoesNotExist": not has,
        }
        if not holds[rule["operator"]]:
            return False
    return True


def allowed(policies: list[dict[str, Any]], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection can be made: out of the source's namespace and into the target's."""
    return _passes(policies, source, target, "Egress", port, protocol) and _passes(
        policies, target, source, "Ingress", port, protocol
    )


def _passes(policies: list[dict[str, Any]], pod: End, other: End, direction: str, port: int, protocol: str) -> bool:
    if not pod.namespace:
        return True
    rules = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace
        and direction in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], pod.labels)
    ]
    key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return not rules or any(
        _peer(rule.get(peers), other, pod.namespace) and _port(rule.get("ports"), port, protocol)
        for spec in rules
        for rule in spec.get(key, [])
    )


def _peer(peers: list[dict[str, Any]] | None, other: End, namespace: str) -> bool:
    if not peers:  # everybody
        return True
    for peer in peers:
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            inside = other.address and ip_address(other.address) in ip_network(block["cidr"])
            if inside and not any(ip_address(other.address) in ip_network(one) for one in block.get("except", [])):
                return True
        elif other.namespace:
            there = {"kubernetes.io/metadata.name": other.namespace}
            near = (
                selects(peer["namespaceSelector"], there)
                if "namespaceSelector" in peer
                else other.namespace == namespace
            )
            if near and selects(peer.get("podSelector", {}), other.labels):
                return True
    return False


def _port(ports: list[dict[str, Any]] | None, port: int, protocol: str) -> bool:
    return not ports or any(
        one.get("protocol", "TCP") == protocol and one["port"] <= port <= one.get("endPort", one["port"])
        for one in ports
    )
