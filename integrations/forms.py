"""What a person brings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from integrations.registry import choosable


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or more files, each checked; the clean value is a list."""

    widget = FilesInput(attrs={"multiple": True})

    def clean(self, data: Any, initial: Any = None) -> Any:
        # Nothing chosen comes as an empty list: one missing file, which is an error.
        files = (data if isinstance(data, list | tuple) else [data]) or [None]
        return [super(FilesField, self).clean(file, initial) for file in files]


def provider_choices() -> list[tuple[str, str]]:
    """The providers whose workout files there are, by name; first the usual case."""
    named = sorted((provider.name, provider.slug) for provider in choosable())
    return [("", "find out by itself"), *((slug, name) for name, slug in named)]


class UploadForm(forms.Form):
    """The files to import. What they are, their bytes decide, not their names."""

    uploads = FilesField(label="Files", max_length=255, error_messages={"required": "Choose a file first."})
    # Only for files that do not tell; what a file or archive tells itself always counts.
    provider = forms.ChoiceField(label="Whose files they are", required=False, choices=provider_choices)

    def clean_uploads(self) -> list[UploadedFile]:
        files: list[UploadedFile] = self.cleaned_data["uploads"]
        for file in files:
            if (file.size or 0) > settings.IMPORT_MAX_UPLOAD_BYTES:
                raise forms.ValidationError(
                    f"{file.name} is larger than this server takes "
                    f"({filesizeformat(settings.IMPORT_MAX_UPLOAD_BYTES)})."
                )
        return files


class DisconnectForm(forms.Form):
    """What becomes of what came over a connection; there is no default, for one of the two cannot be undone."""

    data = forms.ChoiceField(  # type: ignore[assignment]
        label="What came over it",
        choices=[("keep", "Keep it"), ("delete", "Delete it")],
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose whether to keep or to delete what came.",
            "invalid_choice": "Choose whether to keep or to delete what came.",
        },
    )

    @property
    def deletes(self) -> bool:
        """Whether what came is to go; only of a valid form."""
        return bool(self.cleaned_data["data"] == "delete")
