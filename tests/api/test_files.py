"""Photos and papers: told by their bytes, kept as sent, shown without the camera's notes, to those who see the case."""

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from PIL import Image
from sqlalchemy import func, select

from store.tables import case_files, file_looks, files
from tests.api.conftest import Site, opening
from tests.api.test_once import at_once

NOTES = b"<exif:GPSLatitude>36.66</exif:GPSLatitude>"


def photo(kind: str = "JPEG", size: tuple[int, int] = (400, 200), *, colour: Any = "navy", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **more)
    return out.getvalue()


def taken_by_phone(colour: Any) -> bytes:
    """A photo held upright, with place, camera and a comment beside its pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (36.0, 40.0, 1.0)})
    return photo(size=(3000, 1500), colour=colour, exif=exif, comment=NOTES, xmp=NOTES)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of some kilobytes that claims, and holds, a great many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + width // 8)) for _ in range(height)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def office(*parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part in ("[Content_Types].xml", *parts):
            archive.writestr(part, "<x/>")
    return out.getvalue()


def send(
    site: Site, case: dict[str, Any], content: bytes, *, called: str = "door.jpg", who: str = "collector", **more: Any
) -> httpx2.Response:
    key = more.pop("key", None)
    return site.post(f"/cases/{case['case_no']}/files", who=who, key=key, files={"file": (called, content)}, data=more)


def look(site: Site, address: str, **headers: str) -> httpx2.Response:
    """What is at an address that the API gave."""
    return site.http.get(address.removeprefix("/api/v1"), headers=site.as_("auditor") | headers)


@pytest.fixture
def colour(account_no: str) -> tuple[int, ...]:
    """A colour that no other test's photo has."""
    return tuple(hashlib.sha256(account_no.encode()).digest()[:3])


@pytest.fixture
def sent(site: Site, opened: dict[str, Any], colour: Any) -> dict[str, Any]:
    """A phone's photo, just sent to a case."""
    answer = send(site, opened, taken_by_phone(colour))
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_what_was_sent_is_kept_as_evidence_to_the_byte(site: Site, sent: dict[str, Any], colour: Any) -> None:
    original = taken_by_phone(colour)
    assert sent["sha256"] == hashlib.sha256(original).hexdigest()
    assert (sent["media_type"], sent["size"], sent["role"]) == ("image/jpeg", len(original), "photo")
    assert (sent["width"], sent["height"]) == (1500, 3000)
    path = site.settings.data / "files" / sent["sha256"][:2] / sent["sha256"]
    assert path.read_bytes() == original
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    got = look(site, sent["original"])
    assert got.content == original
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("size", "seen"), [("thumb", (120, 240)), ("preview", (800, 1600))])
def test_pages_show_a_picture_without_the_cameras_notes(
    site: Site, sent: dict[str, Any], size: str, seen: tuple[int, int]
) -> None:
    got = look(site, sent[size])
    assert (got.status_code, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert got.headers["Content-Disposition"].startswith("inline")
    assert got.headers["Cache-Control"].startswith("private")
    image = Image.open(io.BytesIO(got.content))
    assert image.size == seen
    assert (dict(image.getexif()), image.info.get("comment"), image.info.get("xmp")) == ({}, None, None)
    for note in (b"GPS", b"a camera", b"Exif"):
        assert note not in got.content
    again = look(site, sent[size], **{"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("content", "media_type", "filename"),
    [
        (photo("PNG"), "image/png", "door.png"),
        (photo("WEBP"), "image/webp", "door.webp"),
        (b"%PDF-1.7\n...", "application/pdf", "door.pdf"),
        (office("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "door.xlsx"),
        (
            office("word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "door.docx",
        ),
    ],
)
def test_a_file_is_what_its_bytes_say(
    site: Site, opened: dict[str, Any], content: bytes, media_type: str, filename: str
) -> None:
    """Whatever its name says, and the name that is shown says it too."""
    told = send(site, opened, content, called="door.jpg").json()
    assert (told["media_type"], told["filename"]) == (media_type, filename)
    paper = not media_type.startswith("image/")
    assert told["role"] == ("paper" if paper else "photo")
    assert site.get(f"/files/{told['sha256']}", size="thumb").status_code == (404 if paper else 200)
    assert site.get(f"/files/{told['sha256']}", size="original").headers["Content-Type"] == media_type


def unfit() -> Iterator[Any]:
    whole = photo(size=(800, 800), colour="red")
    yield pytest.param(b"", "empty", id="nothing")
    yield pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not taken", id="svg")
    yield pytest.param(b"<!doctype html><script>alert(1)</script>", "not taken", id="html")
    yield pytest.param(b"MZ\x90\x00" + bytes(100), "not taken", id="program")
    yield pytest.param(photo("GIF"), "not taken", id="gif")
    yield pytest.param(b"\x00\x00\x00\x18ftypheic" + bytes(50), "HEIC", id="heic")
    yield pytest.param(whole[: len(whole) // 2], "damaged", id="half a photo")
    yield pytest.param(b"\xff\xd8\xff\xe0" + b"<html>" * 50, "damaged", id="a page under a photo's magic")
    yield pytest.param(bomb(9000, 9000), "pixels", id="bomb")
    yield pytest.param(bomb(60_000, 10_000), "pixels", id="larger bomb")
    yield pytest.param(photo() + bytes(16 * 1024 * 1024), "16.0 MB", id="large photo")
    yield pytest.param(office("ppt/presentation.xml"), "no XLSX or DOCX", id="another archive")
    yield pytest.param(b"PK\x03\x04" + bytes(100), "no XLSX or DOCX", id="no archive")
    yield pytest.param(office("word/document.xml", "word/vbaProject.bin"), "macros", id="macros")
    yield pytest.param(
        office("word/document.xml", *(f"x/{n:030}" for n in range(12_000))), "no XLSX or DOCX", id="many parts"
    )


@pytest.mark.parametrize(("content", "words"), list(unfit()))
def test_a_file_that_is_not_taken_is_refused_in_words(
    site: Site, opened: dict[str, Any], content: bytes, words: str
) -> None:
    answer = send(site, opened, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid"), answer.text
    fault = answer.json()["where"][0]
    assert fault["field"] == "file"
    assert words in fault["problem"]
    assert " / " in fault["problem"]
    assert site.get(f"/cases/{opened['case_no']}/files").json()["items"] == []
    left = [path.name for path in (site.settings.data / "files").iterdir() if path.name.startswith(".sent-")]
    assert left == []


def test_a_body_larger_than_any_file_is_refused_before_it_is_read(site: Site, opened: dict[str, Any]) -> None:
    answer = send(site, opened, bytes(32 * 1024 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\照片\\门 口.jpeg", "门 口.png"),
        ("x\u202egpj.exe", "xgpj.png"),
        ("line\nbreak\x00.jpg", "line break.png"),
        ("...", "file.png"),
        ("a" * 500 + ".jpg", "a" * 100 + ".png"),
        ('"; x="y.jpg', '"; x="y.png'),
    ],
)
def test_a_name_is_made_fit_to_be_shown(site: Site, opened: dict[str, Any], name: str, shown: str) -> None:
    from activities.evidence import Kind
    from api.files import filename

    assert filename(name, Kind(media_type="image/png")) == shown


def test_a_name_with_marks_leaves_the_answers_head_whole(site: Site, opened: dict[str, Any]) -> None:
    told = send(site, opened, photo("PNG", (9, 9)), called='门"; x="口.png').json()
    head = site.get(f"/files/{told['sha256']}", size="original").headers["Content-Disposition"]
    assert head.startswith("attachment; filename*=utf-8''")
    assert '"' not in head


def test_the_same_bytes_twice_are_one_file(site: Site, account_no: str, colour: Any) -> None:
    cases = [site.post("/arrears-cases", opening(f"{account_no}{n}"), who="clerk").json() for n in range(2)]
    content = photo(colour=colour)
    answers = [send(site, case, content) for case in (cases[0], cases[0], cases[1])]
    assert [(answer.status_code, answer.json()["new"]) for answer in answers] == [
        (201, True),
        (200, False),
        (201, True),
    ]
    sha256 = answers[0].json()["sha256"]
    with site.database.read() as connection:
        count = select(func.count())
        assert connection.scalar(count.select_from(files).where(files.c.sha256 == sha256)) == 1
        assert connection.scalar(count.select_from(case_files).where(case_files.c.sha256 == sha256)) == 2


def test_the_same_key_many_times_has_one_effect_and_one_answer(site: Site, opened: dict[str, Any], colour: Any) -> None:
    content, key = photo(colour=colour), f"file-{opened['case_no']}"
    answers = at_once(20, lambda _: send(site, opened, content, key=key))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = send(site, opened, content, key=key, called="other.jpg", role="signature")
    assert (other.status_code, other.json()["code"]) == (409, "duplicate")
    assert len(site.get(f"/cases/{opened['case_no']}/files").json()["items"]) == 1


def test_a_key_is_free_again_after_a_refusal(site: Site, opened: dict[str, Any], colour: Any) -> None:
    key = f"mend-{opened['case_no']}"
    assert send(site, opened, b"no photo", key=key).status_code == 422
    assert send(site, opened, photo(colour=colour), key=key).status_code == 201


def test_a_file_says_what_it_is_to_the_case(site: Site, opened: dict[str, Any], colour: Any) -> None:
    task_id = opened["tasks"][0]["task_id"]
    content = photo(colour=colour)
    strange = send(site, opened, content, task_id="QF-20010101-0001-01")
    assert (strange.status_code, strange.json()["code"]) == (422, "form-invalid")
    send(site, opened, content, task_id=task_id, role="signature", name="用户签字")
    (item,) = site.get(f"/cases/{opened['case_no']}/files").json()["items"]
    assert (item["task_id"], item["role"], item["name"], item["by"]) == (task_id, "signature", "用户签字", "collector")


def test_who_may_not_see_the_case_may_not_see_its_files(site: Site, sent: dict[str, Any]) -> None:
    """Not even who has a case of their own with a file: a hash is no key."""
    who = site.add(f"far-{sent['case_no']}", "collector", grid="elsewhere")
    absent = {"sha256": "0" * 64}
    for query in ({}, {"case_no": sent["case_no"]}, {"size": "original"}, {"size": "thumb"}):
        told = [site.get(f"/files/{file['sha256']}", who, **query) for file in (sent, absent)]
        assert [answer.status_code for answer in told] == [404, 404]
        assert told[0].json() == told[1].json()
    assert site.get(f"/files/{sent['sha256']}", "contractor").status_code == 404
    for odd in ("..%2f..%2fguanjia.db", "%00", sent["sha256"].upper(), sent["sha256"] + ".thumb.jpg"):
        assert site.get(f"/files/{odd}").status_code == 404
    assert site.get(f"/files/{sent['sha256']}", case_no="QF-20010101-0001").status_code == 404


def test_a_file_is_seen_in_ones_own_case_though_another_has_it_too(site: Site, account_no: str, colour: Any) -> None:
    """And what the other case calls it stays there."""
    far = site.post("/arrears-cases", opening(f"{account_no}1", grid="elsewhere"), who="clerk").json()
    near = site.post("/arrears-cases", opening(f"{account_no}2", grid=f"G{account_no}"), who="clerk").json()
    who = site.add(f"near-{account_no}", "collector", grid=f"G{account_no}")
    content = photo(colour=colour)
    send(site, far, content, called="theirs.jpg")
    sha256 = hashlib.sha256(content).hexdigest()
    assert site.get(f"/files/{sha256}", who).status_code == 404
    told = send(site, near, content, called="ours.jpg", who=who)
    assert (told.status_code, told.json()["new"]) == (201, True)
    got = site.get(f"/files/{sha256}", who, size="original")
    assert "ours.jpg" in got.headers["Content-Disposition"]
    assert site.get(f"/files/{sha256}", who, case_no=far["case_no"]).status_code == 404


def test_every_look_at_an_original_is_on_record_and_one_a_day_at_a_picture(site: Site, sent: dict[str, Any]) -> None:
    for size in ("thumb", "thumb", "preview", "original", "original"):
        assert site.get(f"/files/{sent['sha256']}", "supervisor", size=size, case_no=sent["case_no"]).status_code == 200
    site.get(f"/files/{sent['sha256']}", "contractor", size="original")
    with site.database.read() as connection:
        mine = select(file_looks).where(file_looks.c.sha256 == sent["sha256"]).order_by(file_looks.c.id)
        looks = [(row.case_no, row.size, row.by) for row in connection.execute(mine)]
    assert looks == [(sent["case_no"], size, "supervisor") for size in ("thumb", "preview", "original", "original")]


def test_a_file_that_was_changed_on_disk_is_shown_to_nobody(site: Site, opened: dict[str, Any], colour: Any) -> None:
    told = send(site, opened, photo(colour=colour)).json()
    path = site.settings.data / "files" / told["sha256"][:2] / told["sha256"]
    path.write_bytes(path.read_bytes() + b"!")
    answer = site.get(f"/files/{told['sha256']}", size="original")
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")


def test_a_picture_that_was_lost_is_made_again(site: Site, sent: dict[str, Any]) -> None:
    folder = site.settings.data / "files" / sent["sha256"][:2]
    for path in folder.glob(f"{sent['sha256']}.*"):
        path.unlink()
    assert site.get(f"/files/{sent['sha256']}", size="thumb").status_code == 200


def test_a_form_names_an_uploaded_file_of_its_case(site: Site, opened: dict[str, Any], account_no: str) -> None:
    other = site.post("/arrears-cases", opening(f"{account_no}x"), who="clerk").json()
    foreign = send(site, other, photo(size=(30, 30))).json()["value"]
    mine = send(site, opened, photo(size=(31, 30))).json()
    path = f"/tasks/{opened['tasks'][0]['task_id']}/decide"
    for strange in (foreign, "sha256:" + "0" * 64, "sha256:door", mine["value"].upper().replace("SHA", "sha")):
        refused = site.post(path, {"form": {"outcome": "served", "method": "posted", "photo": strange}})
        assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid"), strange
        assert [fault["field"] for fault in refused.json()["where"]] == ["form.photo"]
    form = {"outcome": "served", "method": "posted", "photo": mine["value"], "receipt": "door.jpg"}
    by_key = f"/cases/{opened['case_no']}/tasks/{opened['tasks'][0]['key']}/decide"
    assert site.post(by_key, {"form": form | {"photo": foreign}}).status_code == 422
    assert site.post(path, {"form": form}).status_code == 200
    assert site.get(path.removesuffix("/decide")).json()["form"]["photo"] == mine["value"]

    from api.files import files_of_form

    with site.database.read() as connection:
        named = files_of_form(connection, opened["case_no"], form | {"served_at": foreign})
    assert {field: file.sha256 for field, file in named.items()} == {"photo": mine["sha256"]}
