"""What page and kernel tell each other of a view that the page paints."""

import asyncio

import numpy as np
import pytest

import dicomview as dv
from dicomview.widgets import staging


@pytest.fixture
def talk(voxels, affine, monkeypatch):
    """A viewer, what it has sent to the page, and a way to speak as the page."""
    volume = dv.Volume.from_array(voxels((20, 30, 40)), affine=affine("axial"), meta={"Modality": "CT"})
    viewer = dv.SliceViewer(volume, window=(40, 80), index=(5, 6, 7))
    sent = []
    monkeypatch.setattr(type(viewer._page), "send", lambda page, message, buffers=None: sent.append(message))
    yield viewer, sent, lambda **message: viewer._page._received(None, message, [])
    viewer.close()


def told(view, sequence, **changed):
    return {"changed": changed, "sequence": sequence, "plane": "axial", "view": view}


def scenes(sent):
    return [message for message in sent if "scene" in message]


def test_a_page_gets_the_scene_the_slices_in_view_and_a_coarse_copy(talk):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False})
    (scene,) = scenes(sent)
    assert scene["coming"] == ["|0|5", "|1|6", "|2|7"] and scene["heard"] == {"a": 0}
    assert [message["slices"][0]["key"] for message in sent if "slices" in message] == ["|0|5"]
    assert sum("coarse" in message for message in sent) == 1
    viewer.state.index = (5, 6, 8)
    assert scenes(sent)[-1]["coming"] == ["|2|8"], "the others are there"


def test_the_kernel_follows_without_an_answer(talk):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False})
    sent.clear()
    say(state=told("a", 1, index=[9, 6, 7], window=[50, 90, "linear"]))
    assert viewer.state.index == (9, 6, 7) and viewer.state.window == dv.Window(50, 90, "linear")
    assert viewer.sliders["axial"].value == 9 and not sent
    viewer.state.zoom = 2
    assert scenes(sent)[-1]["heard"] == {"a": 1}, "what was changed in the page before is in it"


def test_a_second_view_hears_of_the_first(talk):
    _, sent, say = talk
    for view in "ab":
        say(hello={"view": view, "far": False})
    assert len(scenes(sent)) == 2 and scenes(sent)[1]["coming"], "the second has nothing yet"
    sent.clear()
    say(state=told("a", 1, index=[9, 6, 7]))
    assert scenes(sent)[-1]["scene"]["index"] == [9, 6, 7] and scenes(sent)[-1]["heard"] == {"a": 1, "b": 0}
    say(bye="b")
    sent.clear()
    say(state=told("a", 2, index=[8, 6, 7]))
    assert not sent


def test_wanted_slices_of_another_volume_are_not_sent(talk):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": True})
    sent.clear()
    want = {"slices": [[[], 0, 3], [[], 1, 4]], "packed": True, "asked": 1.0}
    say(want={**want, "volume": "another"})
    assert not sent
    say(want={**want, "volume": viewer._staging._stage.volume_name})
    (answer,) = sent
    assert [header["key"] for header in answer["slices"]] == ["|0|3", "|1|4"] and answer["asked"] == 1.0


def test_axes_are_those_of_the_newest_view(talk):
    viewer, _, say = talk
    say(hello={"view": "a", "far": False})
    say(state=told("a", 1, zoom=4.0))
    assert np.ptp(viewer.axes["axial"].get_xlim()) == pytest.approx(10)
    say(state=told("a", 2, index=[9, 6, 7]))
    assert viewer._canvas._painter._behind is not None, "nothing is drawn for it"
    assert viewer._canvas.renderer.scene.panes[0].index == 9


@pytest.mark.parametrize("comes", [False, True])
def test_a_page_without_our_script_is_told_of_once(voxels, monkeypatch, comes):
    monkeypatch.setattr(staging, "PATIENCE", 0.05)
    viewer = dv.SliceViewer(voxels((5, 6, 7)))

    async def page():
        for _ in range(2):
            viewer._canvas.widget._handle_custom_msg({"type": "initialized"}, [])
        if comes:
            viewer._page._received(None, {"hello": {"view": "a", "far": False}}, [])
        await asyncio.sleep(0.2)
        note = "could not load the script" in viewer._title.value
        assert note != comes and viewer._canvas.widget.always_whole == comes
        viewer._page._received(None, {"hello": {"view": "b", "far": False}}, [])  # late, but here
        assert "could not load" not in viewer._title.value and viewer._canvas.widget.always_whole

    asyncio.run(page())
    viewer.close()


@pytest.mark.parametrize("trait", [{"mark_padding": True}, {"slab": {"axial": 5.0}}])
def test_slices_are_sent_again_when_the_page_has_let_go_of_them(talk, trait):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False})
    before = {name: getattr(viewer.state, name) for name in trait}
    for values in (trait, before):
        sent.clear()
        for name, value in values.items():
            setattr(viewer.state, name, value)
        assert sorted(scenes(sent)[-1]["coming"]) == ["|0|5", "|1|6", "|2|7"]
        assert sum("coarse" in message for message in sent) == 1


def test_a_slab_travels_as_a_slice(talk, monkeypatch):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False})
    viewer.state.slab = {"axial": 5.0}
    scene = scenes(sent)[-1]["scene"]
    assert scene["slabs"] == ["MIP 5 mm", "", ""]
    carried = []
    monkeypatch.setattr(
        type(viewer._page), "send", lambda page, message, buffers=None: carried.append(buffers)
    )
    say(want={"slices": [[[], 0, 5]], "packed": False, "asked": 1, "volume": scene["volume"]})
    image = np.frombuffer(carried[-1][0], np.int16).reshape(30, 40)
    np.testing.assert_array_equal(image, viewer.volume.array[4:7].max(axis=0))
