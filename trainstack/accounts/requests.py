"""The request that a view behind `login_required` gets."""

from django.http import HttpRequest

from trainstack.accounts.models import User


class PersonRequest(HttpRequest):
    """A request whose user is known to be a person, for type checkers only."""

    user: User
