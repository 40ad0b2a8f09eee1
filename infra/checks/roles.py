"""Roles: whoever is given an address may use it, in no other way than the code does, and on nothing else."""

from collections.abc import Iterator
from pathlib import Path

from infra.checks.bicep_files import loaded, properties, read, text
from infra.checks.parameters import settings_of

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
_BUILT_IN = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
# What a setting leads to, and what must be allowed there.
_FOR_A_SETTING = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": ("Monitoring Metrics Publisher", "insights"),
    "AzureWebJobsStorage__blobServiceUri": ("Storage Blob Data Owner", "storage"),
    "AzureWebJobsStorage__queueServiceUri": ("Storage Queue Data Contributor", "storage"),
    "AzureWebJobsStorage__tableServiceUri": ("Storage Table Data Contributor", "storage"),
    "KEY_VAULT_URL": ("Key Vault Secrets Officer", "vault"),
}
# An image is pulled before there are settings, and an operator has none.
_WITHOUT_A_SETTING = {("sidecar", "AcrPull", "registry"), ("operator", "Key Vault Secrets Officer", "vault")}
_FIELDS = {"who", "role", "id", "scope", "why"}


def problems(infra: Path) -> list[str]:
    """Returns what is wrong with roles.json, and with how Bicep names what it makes of it."""
    rows = loaded(infra / "roles.json")
    found = [f"roles.json: {problem}" for row in rows for problem in _row(row)]
    given = {(row["who"], row["role"], row["scope"]) for row in rows if row.keys() == _FIELDS}
    needed = _WITHOUT_A_SETTING | {
        (who, *_FOR_A_SETTING[name])
        for who, sides in settings_of(infra).items()
        for name in sides["bicep"] & _FOR_A_SETTING.keys()
    }
    found += [
        f"roles.json: {' '.join(row)} is {'missing' if row in needed else 'nowhere needed'}"
        for row in sorted(needed ^ given)
    ]
    return found + list(_names(infra))


def _row(row: dict[str, str]) -> Iterator[str]:
    if row.keys() != _FIELDS or not all(row.values()):
        yield f"a row must say {', '.join(sorted(_FIELDS))}: {row}"
    elif row["role"] not in _BUILT_IN:
        yield f"{row['role']!r} is not one of the roles that are known here"
    elif row["id"] != _BUILT_IN[row["role"]]:
        yield f"{row['role']} has the id {_BUILT_IN[row['role']]}, not {row['id']}"


def _names(infra: Path) -> Iterator[str]:
    """Azure refuses to give an assignment to somebody else, so its name must follow from who has it, and on what."""
    for each in read(infra / "modules" / "roles.bicep").of("resource"):
        if each.existing or each.body is None:
            continue
        given = {name: text(value) for name, value in properties(each.body).items()}
        on = given.get("scope", "nothing")
        if given["name"] != f"guid({on}.id, principals[role.who], role.id)":
            yield f"modules/roles.bicep: the name of {each.name!r} does not follow from {on}, whose it is, and which"
