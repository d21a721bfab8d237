from types import SimpleNamespace

from xraylab.app.cache import table_of


def test_reruns_share_a_table_and_what_was_worked_out_of_it(tmp_path):
    films = SimpleNamespace(labels=[0, 1, 1], scores=[0.2, 0.4, 0.9], groups=["a", "b", "b"])
    model = SimpleNamespace(
        folder=tmp_path, card=SimpleNamespace(model_sha256="a"), validation=SimpleNamespace(scored=films)
    )
    table = table_of(model, "validation")

    assert table.positives == 2
    assert table_of(model, "validation").effective is table.effective
