"""The vault: secrets and users' credentials, sealed at rest (docs/contract/vault.md).

from flowledger.services.vault import Vault, VaultKeyFile

with Storage(make_engine(settings)) as storage:
    vault = Vault(storage, VaultKeyFile.of(settings))
    vault.get("SLACK_TOKEN").get_secret_value()
"""

from flowledger.domain.vault_keys import NoKeys, UnknownKeyVersion, VaultKeyFile, VaultKeys
from flowledger.services.vault.credentials import Credentials, UnknownCredential
from flowledger.services.vault.rotation import Rotated, rotate
from flowledger.services.vault.sealing import Sealer, Unopenable
from flowledger.services.vault.secrets import UnknownSecret, Vault
from flowledger.storage.vault.credentials import Credential
from flowledger.storage.vault.secrets import Secret

__all__ = [
    "Credential",
    "Credentials",
    "NoKeys",
    "Rotated",
    "Sealer",
    "Secret",
    "UnknownCredential",
    "UnknownKeyVersion",
    "UnknownSecret",
    "Unopenable",
    "Vault",
    "VaultKeyFile",
    "VaultKeys",
    "rotate",
]
