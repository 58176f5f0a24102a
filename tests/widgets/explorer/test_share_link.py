"""Share link: restores a state, and refuses invalid parts by name, value and range."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import CHOICES, Recipe
from optiwidgets.widgets.explorer import share_link
from optiwidgets.widgets.explorer.explorer import Explorer

ROUND = [
    Recipe(),
    Recipe(sparsity=0.1 + 0.2),
    Recipe(sparsity=5e-324),
    *(Recipe(bits=bits) for bits in (1, 2, 8, 16)),
    *(Recipe(activation_bits=bits) for bits in (2, 8)),
    Recipe(bits=2, scheme="ternary"),
    *(Recipe(pruning=pruning) for pruning in CHOICES["pruning"]),
    *(Recipe(score=score) for score in CHOICES["score"]),
    *(Recipe(bits=4, scheme=scheme) for scheme in ("affine", "codebook")),
    *(Recipe(bits=4, clip=clip) for clip in CHOICES["clip"]),
    *(Recipe(bits=4, recovery=recovery) for recovery in CHOICES["recovery"]),
    Recipe(bits=4, granularity="channel", rounding="gptq"),
    Recipe(seed=2**63 - 1),
    Recipe(layers=(("head", 0.5, 4), ("features.0", None, 8), ("hidden", 0.25, None))),
    Recipe(layers=(('a&b=c "é" +%', None, 1),)),
]


@pytest.mark.parametrize("recipe", ROUND, ids=str)
def test_every_field_of_a_recipe_comes_back(recipe):
    query = share_link.spell("digits", "small", "mobile app", recipe)
    said = share_link.read(query)
    assert said == {"case": "digits", "model": "small", "policy": "mobile app", "recipe": recipe}


def test_every_field_takes_part_in_the_round_trip():
    changed = {n for r in ROUND for n, v in r.as_dict().items() if v != getattr(Recipe(), n)}
    assert changed == {*Recipe().as_dict()}


REFUSED = [
    ("bits=99", "bits per weight are 1 to 8, 16 or 32, not 99"),
    ("bits=four", "bits per weight are 1 to 8, 16 or 32, not 'four'"),
    ("bits=1_0", "not '1_0'"),
    ("bits=", "not ''"),
    ("sparsity=80", "sparsity is a fraction from 0 to 0.99, not 80.0; for 80 percent write 0.8"),
    ("sparsity=nan", "not 'nan'"),
    ("sparsity=1e999", "not inf"),
    ("activation_bits=1", "bits per activation are 2 to 8 or 32, not 1"),
    ("pruning=banana", "pruning is one of 'global', 'layer'"),
    ("seed=-1", "seed is a whole number from 0 to 2**63 - 1, not -1"),
    ("layers=head", "layers are tuples (name, sparsity or None, bits or None), not 'head'"),
    ("layers=" + "[" * 3000, "layers are tuples"),
    ("layers=[[1,2,3]]", "layers are tuples"),
    ("layers=[[%22head%22,NaN,4]]", "sparsity is a fraction"),
    ("bits=1&scheme=affine", "have no meaning together"),
    ("banana=1", "Link not opened: 'banana' is not a key of a link: it is one of 'case'"),
    ("bits=4&bits=5", "a link names bits once, not twice"),
    ("model=huge", "'huge' is not a model: it is one of 'small'"),
    ("case=mice", "'mice' is not a case: it is one of 'digits'"),
    ("policy=none", "'none' is not a policy: it is one of 'mobile app'"),
    ("layers=[[%22tail%22,null,4]]", "'tail' is not a layer: it is one of 'features.0'"),
    ("bits=" + "9" * 5000, "a link has at most 4,000 characters"),
    ("model=" + "x" * 3000, "is not a model: it is one of"),
    ("x" * 10**5, "a link has at most 4,000 characters after the ?, not 100,000"),
    ("bits=4&" * 5000, "a link has at most 4,000 characters"),
    ("&".join(f"a{i}=1" for i in range(500)), "'a0' is not a key of a link"),
    ("&".join(["theme=dark"] * 300) + "&bits=99", "not 99"),
    ("bits=4&theme=dark&bits=4", "a link names bits once, not twice"),
    ("%=%&%zz=1", "'%' is not a key of a link"),
    ("bits=%ff%fe", "bits per weight are 1 to 8, 16 or 32, not '\ufffd\ufffd'"),
    ("model=%00", "is not a model: it is one of"),
    ("bits=%D9%A4", "not '\u0664'"),  # 4 in other digits
    ("sparsity=%EF%BC%90.5", "not '\uff10.5'"),
    ("sparsity=1e309", "not inf"),
    ("sparsity=-inf", "not '-inf'"),
    ("sparsity=-0.5", "not -0.5"),
    ("seed=" + "9" * 25, "seed is a whole number from 0 to 2**63 - 1"),
    ("seed=" + "9" * 3000, "seed is a whole number from 0 to 2**63 - 1"),
    ("layers=" + "9" * 3900, "layers are tuples"),
    ("layers=" + '{"a":' * 700, "layers are tuples"),
    ("layers=null", "layers are tuples"),
    ("layers=[[[],{},true]]", "layers are tuples"),
    ("layers=[[%22head%22,1e309,4]]", "sparsity is a fraction"),
    ("surprise=1e5", "a seed is a whole number 0 to 999999"),
    ("surprise=" + "9" * 3000, "a seed is a whole number 0 to 999999"),
]


@pytest.mark.parametrize(("query", "words"), REFUSED, ids=lambda text: text[:30])
def test_a_link_that_cannot_be_opened_says_why_and_leaves_the_default(explorer, query, words):
    explorer._open_link(query)
    explorer.repaint()
    assert words in explorer.feed.message
    assert len(explorer.feed.message) < 400
    assert explorer.session.recipe == Recipe()
    assert explorer.feed.state == "fresh"


def test_a_link_to_a_score_that_a_model_cannot_have_says_which_layer_lacks_it(own):
    explorer = Explorer(own)
    explorer._open_link("pruning=channel&score=bn-scale&sparsity=0.5")
    explorer.repaint()
    assert "Layer 'deep' has no BatchNorm" in explorer.feed.message
    assert explorer.session.recipe == Recipe()


@given(
    st.text(max_size=200)
    | st.lists(
        st.tuples(st.sampled_from(sorted(share_link.PARSERS)), st.text(max_size=30)), max_size=6
    ).map(urlencode)
    | st.lists(
        st.tuples(
            st.sampled_from(sorted(share_link.PARSERS)),
            st.integers() | st.floats() | st.lists(st.lists(st.none() | st.floats())),
        )
    ).map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs))
)
def test_any_query_is_read_or_refused_in_a_few_words(query):
    try:
        said = share_link.read(query)
    except ValueError as refused:
        reason = str(refused)
    else:
        reason = ""
        assert share_link.read(share_link.spell("", "", "", said["recipe"])) == {
            "recipe": said["recipe"]
        }
    assert len(reason) < 400


def test_what_a_link_could_not_do_is_said_until_the_hand_moves(explorer, digits):
    explorer._open_link("bits=99")
    explorer.session.adopt(digits.run(Recipe()))  # as a measurement does
    assert "not 99" in explorer.feed.message
    explorer.controls.sparsity.value = 10
    assert explorer.feed.message == ""


def test_the_page_of_a_link_opens_on_what_it_says(monkeypatch):
    shown = Recipe(sparsity=0.6, pruning="layer", bits=5)
    query = share_link.spell("smear", "small", "medical image", shown)
    monkeypatch.setenv("QUERY_STRING", query + "&theme=dark")
    explorer = Explorer()
    assert (explorer.session.case, explorer.session.report.recipe) == ("smear", shown)
    assert explorer.policy.value is Policy.MEDICAL
    assert (explorer.controls.sparsity.value, explorer.controls.bits.value) == (60, 5)
    assert explorer.feed.state == "fresh"
    assert explorer.feed.data["query"] == query
    assert explorer.feed.data["line"] == "Recipe(sparsity=0.6, pruning='layer', bits=5)"
    monkeypatch.setenv("QUERY_STRING", urlencode({"model": "wide"}))
    assert Explorer().session.model == "wide"


def test_a_lessons_explorer_stays_where_the_lesson_wants_it(monkeypatch):
    monkeypatch.setenv("QUERY_STRING", "bits=4")
    assert Explorer(unlock=["sparsity"]).session.recipe == Recipe()


def test_training_named_in_a_link_goes_through_the_slow_lane(monkeypatch, digits):
    monkeypatch.setenv("QUERY_STRING", "sparsity=0.42&recovery=finetune")
    explorer = Explorer()
    assert explorer.session.progress is not None
    assert explorer.feed.state == "running"
    assert not explorer.controls.cancel.disabled
    explorer.session.cancel()


def test_a_link_hides_the_recipe_of_its_seed_and_the_page_makes_it_again(explorer):
    explorer._open_link("surprise=7&bits=4")
    activities = explorer.classroom.activities
    assert (activities.running, activities.seed.value) == ("surprise", 7)
    assert explorer.session.recipe == Recipe()  # the hidden recipe decides, not the link's
    assert share_link.read(explorer.feed.data["query"]) == {
        **{"case": "digits", "model": "small", "policy": "mobile app"},
        **{"surprise": 7, "recipe": Recipe()},
    }
    activities.reveal.click()
    assert "bits" not in explorer.feed.data["query"]
    assert "surprise=7" in explorer.feed.data["query"]
    explorer.controls.reset.click()
    assert "surprise" not in explorer.feed.data["query"]


@pytest.mark.parametrize("seed", ["1000000", "-1", "", "x", "1.5"])
def test_a_seed_out_of_range_is_refused_in_a_link(explorer, seed):
    explorer._open_link(f"surprise={seed}")
    assert "a seed is a whole number 0 to 999999" in explorer.notice
    assert explorer.classroom.activities.running == ""
