"""GStreamer's own parser on a ``gst-launch-1.0`` command from stdin; prints elements, properties and links as JSON.

Run by an interpreter that has GStreamer's bindings. Elements that are not installed (DL Streamer's, hardware decoders)
are registered here with the properties that their reference lists, so that a name or value they lack is refused.
"""

import json
import shlex
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402 - versions must be chosen first

Gst.init(None)
INFERENCE = {
    "model": str, "model-instance-id": str, "device": str, "pre-process-backend": str, "inference-region": str,
    "inference-interval": int, "batch-size": int, "nireq": int, "ie-config": str,
}  # fmt: skip
ELEMENTS = {
    "gvadetect": INFERENCE, "gvaclassify": INFERENCE, "gvainference": INFERENCE, "gvafpscounter": {},
    "vah264dec": {}, "vah265dec": {}, "vajpegdec": {}, "avdec_h264": {}, "avdec_h265": {},
}  # fmt: skip


def register(name: str, properties: dict) -> None:
    """An element with one pad on either side."""
    pads = [
        Gst.PadTemplate.new(pad, side, Gst.PadPresence.ALWAYS, Gst.Caps.new_any())
        for pad, side in (("sink", Gst.PadDirection.SINK), ("src", Gst.PadDirection.SRC))
    ]
    listed = {
        key: (kind, key, key, *((0, 1024, 1) if kind is int else ("",)), GObject.ParamFlags.READWRITE)
        for key, kind in properties.items()
    }

    def start(element: Gst.Element) -> None:
        Gst.Element.__init__(element)
        element.given = {}
        for template in pads:
            element.add_pad(Gst.Pad.new_from_template(template, template.name_template))

    body = {
        "__gstmetadata__": (name, "Filter", name, "tests"), "__gsttemplates__": tuple(pads), "__gproperties__": listed,
        "__init__": start,
        "do_set_property": lambda element, spec, value: element.given.__setitem__(spec.name, value),
        "do_get_property": lambda element, spec: element.given.get(spec.name),
    }  # fmt: skip
    kind = type(f"Test_{name}", (Gst.Element,), body)
    GObject.type_register(kind)
    Gst.Element.register(None, name, Gst.Rank.NONE, kind)


for element_name, element_properties in ELEMENTS.items():
    if Gst.ElementFactory.find(element_name) is None:
        register(element_name, element_properties)
words = [word for line in sys.stdin.read().splitlines() if not line.startswith("#") for word in [line]]
command = shlex.split("\n".join(words))
arguments = command[command.index("gst-launch-1.0") + 1 :]  # before it stands what starts it
pipeline = Gst.parse_launchv(arguments)
found = []
for element in pipeline.iterate_recurse():
    factory = element.get_factory().get_name()
    given = getattr(element, "given", {})
    caps = element.get_property("caps").to_string() if factory == "capsfilter" else None
    place = element.get_property("location") if factory == "rtspsrc" else None
    found.append({"element": factory, "given": given, "caps": caps, "location": place})
print(json.dumps(found[::-1]))
