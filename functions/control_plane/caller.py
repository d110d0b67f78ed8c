"""Who asks, by the access token that API Gateway has checked, and what they may do.

The gateway has verified signature, issuer, client and time of the token; an ID token passes it too.
What is left is decided here: only access tokens, and only members of the two groups.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.problem import not_allowed, not_authenticated

ADMINS, VIEWERS = "admins", "viewers"
READING = frozenset({"GET"})


@dataclass(frozen=True)
class Caller:
    """A user of the user pool: its name, its `sub`, which never changes, and its groups."""

    name: str
    subject: str
    groups: frozenset[str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Caller":
        """From an event of API Gateway (payload format 2.0). Raises Problem 401 for anything but an
        access token.
        """
        authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
        claims = (authorizer.get("jwt") or {}).get("claims") or {}
        if claims.get("token_use") != "access":
            raise not_authenticated("an access token is needed; an ID token is none")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise not_authenticated("the token names nobody")
        return cls(
            str(claims.get("username", subject)), subject, groups_of(claims.get("cognito:groups"))
        )

    def require(self, method: str, *, for_viewers: bool = False) -> None:
        """Raises Problem 403 unless one of the groups lets the caller use this HTTP method.
        `for_viewers`: the method is not GET, and all the same it only reads.
        """
        reads = method in READING or for_viewers
        needed = {ADMINS, VIEWERS} if reads else {ADMINS}
        if not needed & self.groups:
            raise not_allowed(f"{method} is for members of {' or '.join(sorted(needed))}")


def groups_of(claim: object) -> frozenset[str]:
    """The groups of the claim `cognito:groups`.

    API Gateway hands it over as text, `[admins viewers]`; a list is what the token itself holds.
    The name of a group has no space
    (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html),
    but it may have brackets and commas: only the outer brackets and the spaces mean something, so
    that no name of a group can pass for two, or for another one.
    """
    if isinstance(claim, list):
        return frozenset(name for name in claim if isinstance(name, str))
    if isinstance(claim, str) and claim.startswith("[") and claim.endswith("]"):
        return frozenset(claim[1:-1].split(" ")) - {""}
    return frozenset()
