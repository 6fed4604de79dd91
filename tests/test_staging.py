"""What page and kernel tell each other of a view that the page paints."""

import asyncio
import zlib

import ipywidgets
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

    def send(widget, message, buffers=None):
        if widget is viewer._page:
            sent.append(message)

    monkeypatch.setattr(ipywidgets.Widget, "send", send)
    yield viewer, sent, lambda **message: viewer._page._received(None, message, [])
    viewer.close()


def told(view, sequence, **changed):
    return {"changed": changed, "sequence": sequence, "plane": "axial", "view": view}


def scenes(sent):
    return [message for message in sent if "scene" in message]


def test_a_page_gets_the_scene_the_slices_in_view_and_a_coarse_copy(talk):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
    (scene,) = scenes(sent)
    assert scene["coming"] == ["|0|5", "|1|6", "|2|7"] and scene["heard"] == {"a": {}}
    assert [message["slices"][0]["key"] for message in sent if "slices" in message] == ["|0|5"]
    assert sum("coarse" in message for message in sent) == 1
    viewer.state.index = (5, 6, 8)
    assert scenes(sent)[-1]["coming"] == ["|2|8"], "the others are there"


@pytest.fixture
def ahead(talk, monkeypatch):
    """The same, shown in a live page that has not said anything yet."""
    viewer, sent, say = talk
    monkeypatch.setattr("dicomview.widgets.viewer.is_live", lambda: True)
    viewer._repr_mimebundle_()
    assert not [message for message in sent if "scene" in message or "slices" in message]
    return viewer, sent, say


def test_a_page_finds_the_view_when_it_comes(ahead):
    viewer, _, _ = ahead
    scene, slices = viewer._page.ahead
    assert scene["content"]["scene"]["index"] == [5, 6, 7]
    headers = slices["content"]["slices"]
    assert [header["key"] for header in headers] == scene["content"]["coming"] == ["|0|5", "|1|6", "|2|7"]
    voxels = viewer.volume.array
    for header, data, shown in zip(headers, slices["buffers"], (voxels[5], voxels[:, 6], voxels[..., 7])):
        planes = np.frombuffer(zlib.decompress(data), np.uint8).reshape(shown.itemsize, -1)
        assert (planes.T.copy().view(header["type"]).reshape(shown.shape) == shown).all()


@pytest.mark.parametrize("has_it", [True, False])
def test_what_was_sent_ahead_is_not_sent_again(ahead, has_it):
    viewer, sent, say = ahead
    assert ["coarse" in message["content"] for message in viewer._page.later] == [True]
    say(hello={"view": "a", "far": False, "ahead": has_it})
    (scene,) = scenes(sent)
    assert scene["coming"] == ([] if has_it else ["|0|5", "|1|6", "|2|7"])
    assert sum("coarse" in message for message in sent) == (not has_it)
    assert viewer._page.ahead is viewer._page.later is None, (
        "a page that is loaded again must not get old slices"
    )
    sent.clear()
    viewer.state.index = (9, 6, 7)
    (slices,) = [message for message in sent if "slices" in message]
    assert not slices["slices"][0]["packed"], "the page is near"
    sent.clear()
    say(hello={"view": "b", "far": False, "ahead": True})  # found, but too late
    assert len(scenes(sent)[0]["coming"]) == 3


def test_what_was_changed_meanwhile_is_sent(ahead):
    viewer, sent, say = ahead
    viewer.state.index = (9, 6, 7)
    say(hello={"view": "a", "far": False, "ahead": True})
    assert scenes(sent)[-1]["scene"]["index"] == [9, 6, 7] and scenes(sent)[-1]["coming"] == ["|0|9"]


def test_slices_that_must_be_read_are_not_waited_for(monkeypatch, voxels):
    da = pytest.importorskip("dask.array")
    monkeypatch.setattr("dicomview.widgets.viewer.is_live", lambda: True)
    volume = dv.Volume.from_array(da.from_array(voxels((6, 7, 8)), chunks=(1, 7, 8)))
    viewer = dv.SliceViewer(volume, window=(0, 100))
    viewer._repr_mimebundle_()
    assert viewer._page.ahead is None
    viewer.close()


def test_toolbar_and_panel_come_after_the_cell(voxels):
    async def cell():
        viewer, other = dv.SliceViewer(voxels((5, 6, 7))), dv.SliceViewer(voxels((5, 6, 7)))
        assert not viewer._has_panel and not viewer._panel_place.children
        viewer.panel.invert.value = True
        assert viewer.state.invert, "asked for earlier, it is there"
        other.close()
        return viewer, other

    async def kernel():
        viewer, other = await cell()
        await asyncio.sleep(0)
        assert viewer._panel_place.children == (viewer.panel,)
        assert viewer._toolbar_place.children == (viewer.toolbar,)
        assert not other._has_panel, "it was closed before"
        viewer.close()

    asyncio.run(kernel())


def test_what_was_asked_for_early_is_closed_too(voxels):
    async def cell():
        viewer = dv.SliceViewer(voxels((5, 6, 7)))
        parts = [viewer.panel, viewer.panel.window, viewer.toolbar, viewer.toolbar.play]
        assert all(part.comm is not None for part in parts)
        viewer.close()
        return parts

    assert all(part.comm is None for part in asyncio.run(cell()))


def test_a_viewer_that_is_shown_twice_has_its_coarse_copy(talk, monkeypatch):
    viewer, _, _ = talk
    monkeypatch.setattr("dicomview.widgets.viewer.is_live", lambda: True)

    async def cell():
        for _ in range(2):
            viewer._repr_mimebundle_()

    async def kernel():
        await cell()
        await asyncio.sleep(0)

    asyncio.run(kernel())
    assert ["coarse" in message["content"] for message in viewer._page.later] == [True]


def test_what_is_painted_before_the_page_asks_is_seen(ahead):
    viewer, sent, say = ahead
    viewer.overlays.paint(name="mask")
    viewer._repr_mimebundle_()
    viewer.state.paint([viewer.volume.geometry.position((5, 6, 7))], radius=2)
    say(hello={"view": "a", "far": False, "ahead": True})
    assert [message["painted"]["coming"] for message in sent if message.get("painted")] == [
        ["over |0|5", "over |1|6", "over |2|7"]
    ]


def test_the_kernel_follows_without_an_answer(talk):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
    sent.clear()
    say(state=told("a", 1, index=[9, 6, 7], window=[50, 90, "linear"]))
    assert viewer.state.index == (9, 6, 7) and viewer.state.window == dv.Window(50, 90, "linear")
    assert viewer.sliders["axial"].value == 9 and not sent
    viewer.state.zoom = 2
    assert scenes(sent)[-1]["heard"] == {"a": {"index": 1, "window": 1}}, (
        "what was changed in the page before is in it"
    )


def test_messages_that_overtake_others_do_not_bring_back_what_was(talk):
    # ipykernel may bring some to the main thread, behind a cell that runs, and others to another thread.
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
    say(state=told("a", 3, index=[11, 6, 7], pointer=None))
    viewer.state.zoom = 2
    assert scenes(sent)[-1]["heard"] == {"a": {"index": 3, "pointer": 3}}
    say(state=told("a", 1, index=[9, 6, 7], window=[50, 90, "linear"]))
    say(state={**told("a", 2, index=[10, 6, 7], pointer=[10, 1, 1]), "plane": "coronal"})
    assert viewer._pointer.plane == "axial", "where keys act"
    assert viewer.state.index == (11, 6, 7) and viewer.state.pointer is None
    assert viewer.state.window == dv.Window(50, 90, "linear")
    viewer.state.zoom = 1
    assert scenes(sent)[-1]["heard"] == {"a": {"index": 3, "pointer": 3, "window": 1}}


def test_a_view_that_is_heard_of_before_it_says_hello_is_not_forgotten(talk):
    _, sent, say = talk
    say(state=told("a", 1, index=[9, 6, 7]))
    say(hello={"view": "a", "far": False, "ahead": False})
    assert scenes(sent)[-1]["heard"] == {"a": {"index": 1}}


def test_what_is_in_view_is_known_before_a_press_that_comes_the_same_way(talk):
    viewer, _, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
    canvas = viewer._canvas.widget
    canvas._handle_custom_msg({"type": "ack", "state": told("a", 1, index=[9, 6, 7])}, [])
    assert viewer.state.index == (9, 6, 7)


def test_a_second_view_hears_of_the_first(talk):
    _, sent, say = talk
    for view in "ab":
        say(hello={"view": view, "far": False, "ahead": False})
    assert len(scenes(sent)) == 2 and scenes(sent)[1]["coming"], "the second has nothing yet"
    sent.clear()
    say(state=told("a", 1, index=[9, 6, 7]))
    assert scenes(sent)[-1]["scene"]["index"] == [9, 6, 7] and scenes(sent)[-1]["heard"] == {
        "a": {"index": 1},
        "b": {},
    }
    say(bye="b")
    sent.clear()
    say(state=told("a", 2, index=[8, 6, 7]))
    assert not sent


def test_wanted_slices_of_another_volume_are_not_sent(talk):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": True, "ahead": False})
    sent.clear()
    want = {"slices": [[[], 0, 3], [[], 1, 4]], "packed": True, "asked": 1.0}
    say(want={**want, "volume": "another"})
    assert not sent
    say(want={**want, "volume": viewer._staging._stage.volume_name})
    (answer,) = sent
    assert [header["key"] for header in answer["slices"]] == ["|0|3", "|1|4"] and answer["asked"] == 1.0


def test_axes_are_those_of_the_newest_view(talk):
    viewer, _, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
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
            viewer._page._received(None, {"hello": {"view": "a", "far": False, "ahead": False}}, [])
        await asyncio.sleep(0.2)
        note = "could not load the script" in viewer._title.value
        assert note != comes and viewer._canvas.widget.always_whole == comes
        late = {"view": "b", "far": False, "ahead": False}
        viewer._page._received(None, {"hello": late}, [])
        assert "could not load" not in viewer._title.value and viewer._canvas.widget.always_whole

    asyncio.run(page())
    viewer.close()


@pytest.mark.parametrize("trait", [{"mark_padding": True}, {"slab": {"axial": 5.0}}])
def test_slices_are_sent_again_when_the_page_has_let_go_of_them(talk, trait):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
    before = {name: getattr(viewer.state, name) for name in trait}
    for values in (trait, before):
        sent.clear()
        for name, value in values.items():
            setattr(viewer.state, name, value)
        assert sorted(scenes(sent)[-1]["coming"]) == ["|0|5", "|1|6", "|2|7"]
        assert sum("coarse" in message for message in sent) == 1


def test_a_slab_travels_as_a_slice(talk, monkeypatch):
    viewer, sent, say = talk
    say(hello={"view": "a", "far": False, "ahead": False})
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
