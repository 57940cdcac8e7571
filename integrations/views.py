"""Imports: bring a file, watch it being read, see what came in, take it back."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from integrations.base import Provider, WayIn
from integrations.forms import UploadForm
from integrations.models import Import, SyncRun
from integrations.registry import FILE, PROVIDERS
from integrations.selectors import Progress, imports_of, latest_run, progress_of
from integrations.services import imports as services
from trainstack.accounts.models import User
from trainstack.accounts.requests import PersonRequest

IMPORTS_SHOWN = 50


@dataclass(frozen=True)
class Shown:
    """An import as the pages show it: with its newest run, how far that is, and what can be done about it."""

    row: Import
    run: SyncRun | None
    progress: Progress | None

    @property
    def can_cancel(self) -> bool:
        return services.can_cancel(self.row)

    @property
    def can_roll_back(self) -> bool:
        return services.can_roll_back(self.row)


def _shown(row: Import) -> Shown:
    run = latest_run(row)
    return Shown(row, run, progress_of(run) if run else None)


@login_required
def imports(request: PersonRequest) -> HttpResponse:
    """The drop zone and what was brought before. POST takes files; a script gets its answer as JSON."""
    if request.method != "POST":
        return _list(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            brought = _receive(request.user, form)
        except services.TooLarge as error:
            form.add_error("uploads", str(error))
        else:
            where = reverse("integrations:imports")
            if len(brought) == 1:
                where = reverse("integrations:import", args=[brought[0].pk])
            return JsonResponse({"url": where}, status=201) if _wants_json(request) else redirect(where)
    if _wants_json(request):
        return JsonResponse(
            {"error": " ".join(str(it) for errors in form.errors.values() for it in errors)}, status=422
        )
    return _list(request, form)


def _receive(user: User, form: UploadForm) -> list[Import]:
    return [
        services.receive(
            user,
            name=file.name or "file",
            source=file,
            brought_by="upload",
            provider=form.cleaned_data["provider"],
        )
        for file in form.cleaned_data["uploads"]
    ]


def _list(request: PersonRequest, form: UploadForm) -> HttpResponse:
    context = {
        "form": form,
        "imports": [_shown(row) for row in imports_of(request.user)[:IMPORTS_SHOWN]],
        "max_bytes": settings.IMPORT_MAX_UPLOAD_BYTES,
        "ways": ways_in_by_file(),
        # Whose steps are unfolded: the page of connections leads to them.
        "way_asked": request.GET.get("way", ""),
    }
    return render(request, "integrations/import_list.html", context, status=422 if form.is_bound else 200)


def ways_in_by_file() -> list[tuple[Provider, WayIn]]:
    """Every provider's way in by a file, by its name; what reads any file comes last."""
    ways = [(it, way) for it in PROVIDERS.values() for way in it.ways_in if way.kind == "file"]
    return sorted(ways, key=lambda one: (one[0] is FILE, one[0].name.lower()))


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@login_required
def import_file(request: PersonRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(imports_of(request.user), pk=pk)
    return render(request, "integrations/import_detail.html", {"shown": _shown(row)})


@login_required
@never_cache
def progress(request: PersonRequest, pk: int) -> HttpResponse:
    """The moving part of an import's page, asked for every second; once the import is over, the report in its place."""
    row = get_object_or_404(imports_of(request.user), pk=pk)
    if row.is_open:
        return render(request, "integrations/_import_progress.html", {"shown": _shown(row)})
    response = render(request, "integrations/_import.html", {"shown": _shown(row)})
    response["HX-Retarget"] = f"#import-{row.pk}"
    response["HX-Reswap"] = "outerHTML"
    return response


@login_required
@never_cache
def arriving(request: PersonRequest) -> HttpResponse:
    """The line at the edge of every page that says what is being read."""
    return render(request, "integrations/_arriving.html")


@login_required
@require_POST
def cancel(request: PersonRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(imports_of(request.user), pk=pk)
    if services.can_cancel(row):
        services.cancel(row)
    else:
        messages.warning(request, "There was nothing left to cancel.")
    return redirect("integrations:import", pk=pk)


@login_required
def roll_back(request: PersonRequest, pk: int) -> HttpResponse:
    """Asks once more; POST takes back what only this import brought."""
    row = get_object_or_404(imports_of(request.user), pk=pk)
    if not services.can_roll_back(row):
        messages.warning(request, "This import cannot be rolled back now.")
        return redirect("integrations:import", pk=pk)
    if request.method != "POST":
        return render(request, "integrations/import_roll_back.html", {"shown": _shown(row)})
    try:
        services.roll_back(row)
    except services.NotNow as reason:
        messages.warning(request, str(reason))
    return redirect("integrations:import", pk=pk)
