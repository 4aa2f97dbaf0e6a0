"""Sample applications: invented, alike for the same arguments, of every kind and in every office."""

from rehearsal.sample_projects import sample_projects

CHECKLIST = {"single": ("用水申请表",), "estate": ("规划许可",)}


def test_the_same_arguments_give_the_same_applications_with_references_of_their_own() -> None:
    records = sample_projects(40, seed=7, checklist=CHECKLIST)
    assert records == sample_projects(40, seed=7, checklist=CHECKLIST)
    assert records != sample_projects(40, seed=8, checklist=CHECKLIST)
    assert len({record.reference for record in records}) == 40


def test_there_is_every_kind_in_every_office_with_its_papers() -> None:
    records = sample_projects(40, seed=7, checklist=CHECKLIST)
    assert {record.project.kind for record in records} == {"single", "estate", "linear", "temporary"}
    assert {record.office for record in records} == {"城东营业所", "城西营业所", "城南营业所"}
    assert all(record.papers == CHECKLIST.get(record.project.kind, ()) for record in records)
    assert all("示例" in record.name and "示例" in (record.address or "") for record in records)
