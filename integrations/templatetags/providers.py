"""Providers as pages show them: their drawing beside their name."""

from __future__ import annotations

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from activities.templatetags.page import icon
from integrations.registry import PROVIDERS

register = template.Library()


@register.simple_tag
def provider_logo(slug: str) -> SafeString:
    """The provider's drawing; says nothing to a screen reader, the name stands beside it."""
    provider = PROVIDERS.get(slug)
    if provider is None:
        return format_html('<span class="logo">{}</span>', icon("file"))
    return format_html('<img class="logo" src="{}" alt="" width="28" height="28">', static(provider.logo))


@register.simple_tag
def provider_badge(slug: str) -> SafeString:
    """The provider's drawing alone, with its name for whoever points at it or hears the page."""
    provider = PROVIDERS.get(slug)
    if provider is None:
        return format_html(
            '<span class="badge" title="{0}">{1}<span class="visually-hidden">{0}</span></span>',
            slug,
            icon("file", "s"),
        )
    return format_html(
        '<img class="badge" src="{}" alt="{}" title="{}" width="18" height="18">',
        static(provider.logo), provider.name, provider.name,
    )  # fmt: skip
