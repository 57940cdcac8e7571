"""What a person brings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or more files, each checked; the clean value is a list."""

    widget = FilesInput(attrs={"multiple": True})

    def clean(self, data: Any, initial: Any = None) -> Any:
        # Nothing chosen comes as an empty list: one missing file, which is an error.
        files = (data if isinstance(data, list | tuple) else [data]) or [None]
        return [super(FilesField, self).clean(file, initial) for file in files]


class UploadForm(forms.Form):
    """The files to import. What they are, their bytes decide, not their names."""

    uploads = FilesField(label="Files", max_length=255, error_messages={"required": "Choose a file first."})

    def clean_uploads(self) -> list[UploadedFile]:
        files: list[UploadedFile] = self.cleaned_data["uploads"]
        for file in files:
            if (file.size or 0) > settings.IMPORT_MAX_UPLOAD_BYTES:
                raise forms.ValidationError(
                    f"{file.name} is larger than this server takes "
                    f"({filesizeformat(settings.IMPORT_MAX_UPLOAD_BYTES)})."
                )
        return files
