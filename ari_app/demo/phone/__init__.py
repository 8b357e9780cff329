"""A SIP/RTP phone of our own: `Phone` and the `PhoneCall`s it makes."""

from ari_app.demo.phone.call import CallFailed, PhoneCall
from ari_app.demo.phone.phone import Phone
from ari_app.demo.phone.sender import Said

__all__ = ["CallFailed", "Phone", "PhoneCall", "Said"]
