"""What a caller does in a call, as steps, and the scenario for sipp that does them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

import attrs

REFUSALS = (400, 403, 404, 408, 480, 481, 484, 486, 487, 488, 500, 501, 503, 504, 600, 603, 604)
LAST_WAIT_SECONDS = 60.0

SDP = """v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 96
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=ptime:20
a=sendrecv
"""


@attrs.frozen
class Wait:
    """Stay in the call; a BYE from the other side ends it."""

    seconds: float


@attrs.frozen
class Keys:
    """Press keys, sent as SIP INFO: sipp needs root to send them as RTP."""

    digits: str
    gap: float = 0.25


@attrs.frozen
class Hangup:
    """End the call."""


@attrs.frozen
class AwaitBye:
    """The other side has to end the call within this time."""

    seconds: float = LAST_WAIT_SECONDS


@attrs.frozen
class Cancel:
    """Give up this long after the call was made, before it is answered."""

    after: float


Step = Wait | Keys | Hangup | AwaitBye | Cancel


def wait(seconds: float) -> Step:
    """Stay in the call for some seconds."""
    return Wait(seconds)


def keys(digits: str, gap: float = 0.25) -> Step:
    """Press keys, `gap` seconds apart."""
    return Keys(digits, gap)


def hangup() -> Step:
    """End the call."""
    return Hangup()


def await_bye(seconds: float = LAST_WAIT_SECONDS) -> Step:
    """Expect that the other side ends the call."""
    return AwaitBye(seconds)


def cancel(after: float) -> Step:
    """Give up before the call is answered."""
    return Cancel(after)


def scenario(steps: Sequence[Step], headers: Iterable[str] = ()) -> str:
    """The XML of a scenario; what happens is logged as `rig <call> <milliseconds> <what>`."""
    invite = _request(
        "INVITE", to="", extra=(*headers, "Content-Type: application/sdp"), body=SDP
    ).replace("[cseq]", "1")
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<scenario name="caller">']
    lines.append(f'<send retrans="500">{invite}</send>')
    cancelling = next((step for step in steps if isinstance(step, Cancel)), None)
    lines += _cancelled(cancelling) if cancelling else _answered(steps)
    return "\n".join([*lines, "</scenario>"])


def _answered(steps: Sequence[Step]) -> list[str]:
    lines = [f'<recv response="{code}" optional="true"/>' for code in (100, 180, 183)]
    lines += [f'<recv response="{n}" optional="true" next="no{n}"/>' for n in REFUSALS]
    lines += ['<recv response="200" rrs="true"/>']
    lines += [f"<send>{_request('ACK').replace('[cseq]', '1')}</send>", _log("200")]
    ended = False
    labels = iter(f"s{n}" for n in range(1, 10_000))
    for step in steps:
        match step:
            case Wait(seconds):
                lines += _stay(seconds, next(labels))
            case Keys(digits, gap):
                for digit in digits:
                    lines += [_log(f"key {digit}"), f'<send retrans="500">{_key(digit)}</send>']
                    lines += ['<recv response="200"/>', *_stay(gap, next(labels))]
            case AwaitBye(seconds):
                lines.append(f'<recv request="BYE" timeout="{_ms(seconds)}" next="bye"/>')
                ended = True
            case Hangup():
                lines += [_log("BYE out"), f'<send retrans="500">{_request("BYE")}</send>']
                lines.append('<recv response="200" next="end"/>')
                ended = True
            case Cancel():
                raise ValueError("a call is cancelled before it is answered: no other step")
    if not ended:
        lines.append(f'<recv request="BYE" timeout="{_ms(LAST_WAIT_SECONDS)}" next="bye"/>')
    lines += ['<label id="bye"/>', _log("BYE in [last_Reason:]")]
    lines.append(f'<send next="end">{_message(_ok_lines())}</send>')
    for code in REFUSALS:
        lines += [f'<label id="no{code}"/>', _log(f"{code} [last_Reason:]")]
        lines.append(f'<send next="end">{_ack_of_refusal()}</send>')
    return [*lines, '<label id="end"/>', _log("end")]


def _cancelled(step: Cancel) -> list[str]:
    # The CANCEL belongs to the INVITE's own transaction: same branch, same CSeq number.
    cancelling = _message(
        [
            "CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
            "[last_Via:]",
            "From: [fromname]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]",
            "To: <sip:[service]@[remote_ip]:[remote_port]>",
            "Call-ID: [call_id]",
            "CSeq: 1 CANCEL",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
    )
    return [
        '<recv response="100"/>',
        f'<recv response="183" timeout="{_ms(step.after)}" ontimeout="cancel"/>',
        '<label id="cancel"/>',
        _log("CANCEL out"),
        f'<send retrans="500">{cancelling}</send>',
        '<recv response="200"/>',
        '<recv response="487"/>',
        _log("487"),
        f"<send>{_ack_of_refusal()}</send>",
    ]


def _stay(seconds: float, label: str) -> list[str]:
    return [
        f'<recv request="BYE" timeout="{_ms(seconds)}" ontimeout="{label}" next="bye"/>',
        f'<label id="{label}"/>',
    ]


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _log(what: str) -> str:
    # [clock_tick] is milliseconds since sipp started.
    text = escape(what, {'"': "&quot;"})
    return f'<nop><action><log message="rig [call_number] [clock_tick] {text}"/></action></nop>'


def _message(lines: Iterable[str], body: str = "") -> str:
    head = "\n".join(lines)
    return f"<![CDATA[\n\n{head}\n\n{body}]]>"


def _request(
    method: str, to: str = "[peer_tag_param]", extra: Iterable[str] = (), body: str = ""
) -> str:
    return _message(
        [
            f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "From: [fromname]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]",
            f"To: <sip:[service]@[remote_ip]:[remote_port]>{to}",
            "Call-ID: [call_id]",
            f"CSeq: [cseq] {method}",
            "Contact: <sip:caller@[local_ip]:[local_port]>",
            "Max-Forwards: 70",
            *extra,
            "Content-Length: [len]",
        ],
        body,
    )


def _key(digit: str) -> str:
    kind = "Content-Type: application/dtmf-relay"
    return _request("INFO", extra=(kind,), body=f"Signal={digit}\nDuration=160\n")


def _ok_lines() -> list[str]:
    heads = ["[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"]
    return ["SIP/2.0 200 OK", *heads, "Content-Length: 0"]


def _ack_of_refusal() -> str:
    # The ACK of a refusal belongs to the INVITE's own transaction too.
    return _message(
        [
            "ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
            "[last_Via:]",
            "From: [fromname]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]",
            "[last_To:]",
            "[last_Call-ID:]",
            "CSeq: 1 ACK",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
    )
