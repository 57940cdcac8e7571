"""People."""

from __future__ import annotations

from functools import cache

import factory
from django.contrib.auth.hashers import make_password

from trainstack.accounts.models import User

PASSWORD = "correct horse 42"


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person with a confirmed address, who can log in with PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"athlete{n}@example.com")
    name = factory.Sequence(lambda n: f"Athlete {n}")
    # Hashing is slow on purpose: each password is hashed once a test run.
    password = factory.Transformer(PASSWORD, transform=cache(make_password))

    @factory.post_generation
    def confirmed(self, create: bool, extracted: bool | None, **kwargs: object) -> None:
        """`UserFactory(confirmed=False)` is someone who has not followed the link in the mail yet."""
        if create and extracted is not False:
            self.emailaddress_set.create(email=self.email, verified=True, primary=True)


class StaffFactory(UserFactory):
    """Someone who may do everything in admin."""

    email = factory.Sequence(lambda n: f"staff{n}@example.com")
    is_staff = True
    is_superuser = True
