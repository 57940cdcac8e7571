"""FIT files: what they hold as values, who wrote them, what kind they are."""

from activities.formats.fit.parse import fit_created, fit_creator, fit_kind, parse_fit
from activities.formats.fit.pretty import pretty_fit

__all__ = ["fit_created", "fit_creator", "fit_kind", "parse_fit", "pretty_fit"]
