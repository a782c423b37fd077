"""Users' passwords, sessions and roles (docs/contract/users.md).

from flowledger.services.users import Users

with Storage(make_engine(settings)) as storage:
    users = Users(storage)
    signed_in = users.sign_in("ada@example.org", password, address="192.0.2.7")
    session = users.session_of(signed_in.token)
"""

from flowledger.services.roles import Forbidden, require
from flowledger.services.users.hashing import Hasher
from flowledger.services.users.sign_in import SignedIn, SignInRefused, TooManyTries
from flowledger.services.users.users import UnknownSession, UnknownUser, Users
from flowledger.storage.people.sessions import ListedSession, Session

__all__ = [
    "Forbidden",
    "Hasher",
    "ListedSession",
    "Session",
    "SignInRefused",
    "SignedIn",
    "TooManyTries",
    "UnknownSession",
    "UnknownUser",
    "Users",
    "require",
]
