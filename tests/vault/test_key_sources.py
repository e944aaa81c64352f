"""A passphrase and a service's secret give their bytes, or say why not."""

import pytest

from ndcb.vault.key_sources import BadKey, Passphrase, Scrypt, ServiceSecret

MARK = "\ufeff"


def test_scrypt_is_rfc_7914s():
    """Its third test vector, as far as a key reaches, with the RFC's salt and passphrase."""
    expected = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    assert (
        Passphrase("pleaseletmein").secret(b"SodiumChloride", Scrypt(16384, 8, 1)).hex() == expected
    )


def test_a_passphrase_gives_one_secret_with_one_salt():
    def secret(text, salt=b"0123456789abcdef"):
        return Passphrase(text).secret(salt, Scrypt(2, 8, 1))

    assert secret("correct horse") == secret("correct horse") != secret("correct horsf")
    assert secret("correct horse", b"another salt 16b") != secret("correct horse")
    assert secret("garçon noir") == secret("garc\u0327on noir")


def test_a_byte_order_mark_does_not_belong_to_a_passphrase():
    salt, scrypt = b"0123456789abcdef", Scrypt(2, 8, 1)
    plain, marked = Passphrase("correct horse"), Passphrase(MARK + "correct horse")
    assert (
        marked.secret(salt, scrypt) == plain.secret(salt, scrypt) == marked.secrets(salt, scrypt)[0]
    )
    older = scrypt.hash((MARK + "correct horse").encode(), salt)
    assert marked.secrets(salt, scrypt)[1:] == [older]
    assert plain.secrets(salt, scrypt) == [plain.secret(salt, scrypt)]
    with pytest.raises(BadKey, match="at least 8"):
        Passphrase(MARK + "seven c")


def test_half_a_character_is_no_passphrase():
    with pytest.raises(BadKey, match="half a character"):
        Passphrase("correct \ud800 horse")


def test_short_secrets_are_refused_and_not_repeated():
    with pytest.raises(BadKey, match="at least 8") as error:
        Passphrase("swordfi")
    assert "swordfi" not in str(error.value)
    assert "swordfish" not in repr(Passphrase("swordfish"))
    with pytest.raises(BadKey, match="too short") as error:
        ServiceSecret(b"secret")
    assert "secret'" not in str(error.value)
    assert "kkkk" not in repr(ServiceSecret(b"k" * 32))
