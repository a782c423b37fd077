"""What each character is to a search: part of a word, nothing, or the end of a word (docs/contract/search.md).

The classes are those of Unicode 14.0, which every supported Python knows, and they stay so: words that were cut once
are cut the same by every later Python. What Unicode defined after 14.0 separates words.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import StrEnum
from functools import cache
from itertools import accumulate
from typing import Final

_RUNS: Final = (
    "48s10w7s26w6s26w47sw2sd4s2wsw3s2ws3ws23ws31ws458w4s12w14s5w7swsw17s112d5ws2w2x4wsw4x2sws3wxwx20wx83ws139ws7d166w"
    "x38w2xw6s41w2s2x3sx45dsds2ds2dsd8x27w4x4w2s11x6d10s11dsd3s32wd10w21d10w4s2wd99wsw8ds6d2w2ds4d15w2sw14sxdwd30w27d"
    "2x101w14x43w9d2w4sw2xd2s22w4dw9dw3dw5d2x15sx25w3d2xsx11w5x24ws6wx2d6x8d42w54d81w4d15w2s10ws19wx8w2x2w2x22wx7wxw3"
    "x4w2x9w2x2w2x4w8xw4x2wx5w2x12w2s6w2swsd2x3wx6w4x2w2x22wx7wx2wx2wx2w2xwx5w4x2w2x3w3xw7x4wxw7x16ws10x3wx9wx3wx22wx"
    "7wx2wx5w2x10wx3wx3w2xw15x4w2x10w2s7x7wx3wx8w2x2w2x22wx7wx2wx5w2x9w2x2w2x3w7x3w4x2wx5w2x10ws7w10x2wx6w3x3wx4w3x2w"
    "xwx2w3x2w3x3w3x12w4x5w3x3wx4w2xw6xw14x13w8s5x13wx3wx23wx16w2x9wx3wx4w7x2wx3w2xw2x4w2x10w7xs7ws4ws8wx3wx23wx10wx5"
    "w2x9wx3wx4w7x2w6x2wx4w2x10wx2w13x13wx3wx51wx3wx5ws4x16w2x19ws6wx3wx18w3x24wx9wxw2x7w3xw4x6wxwx8w6x10w2x2ws12x58w"
    "4xs15ws10w2s37x2wxwx5wx24wxwx23w2x5wxwx6w2x10w2x4w32xw23s2d6s20wsdsdsd4s10wx36w4x17w2dws2d16wx36wx8sd6sx13s37x74"
    "w6s61wd16w2s38wxw5xw2x43ws333wx4w2x7wxwx4w2x41wx4w2x33wx4w2x7wxwx4w2x15wx57wx4w2x67w2x3d9s20w3x16w10s6x86w2x6w2x"
    "s620w2s17ws26w2s3x75w3s11w7x22w9x22w2s9x20w12x13wx3wx2w12x84w3sw4swd2x10w6x10w6x11s5d10w6x89w7x41wdw5x70w10x31wx"
    "12w4x9w3d4xs3x2s40w2x5w11x44w4x26w6x11w3x34s23w2d3w2x2s63wx21w8d2xd10w6x10w6x7sw6s2x31d49x77w3x10w17s9d11sx116w8"
    "x4s56w3x5s10w3x49w2s9w7x43w2x3w8s8x3ds13dw7d4wd6wd3w2dw5x192w64d278w2x6w2x38w2x6w2x8wxwxwxwx31w2x53wx7wsw3s3wx7w"
    "3s4w2x6wx3s13w3s2x3wx7w2sx12s4d26s5d49s5dx10d2w2x6w5s11w5sx13w3x33s15x33d15x2sw4sw2s10wsw3s5w6swswsws4ws11w2s4w5"
    "s5w4sws58w2s4x663s25x11s21x60w78s22w630s30w992s2x32sx105s229w6s4w3d2w5x4sw2s38wxw5xw2x56w7xws14x24w9x7wx7wx7wx7w"
    "x7wx7wx7wx7wx32d47sw46s34x26sx89s12x214s26x12s4x5s3w25s9w6ds5w2s5w3sx86w2x2w2s3ws90ws4w5x43wx94wx2s4w10s32w36s12"
    "x16w31sx10w30s8ws15w32s10w39s15w320s6592w64s22157w3x55s9x46w2s269w3s28w20x47w4ds10ds31w2d80w2d6s8x23s9w2s103w2s6"
    "4w5x2wxwx5w24x54w4sw3x6w4s6x52w4s8x70w8x2s10w6x18d6w3sws46w3d2s36w11xs29w3x65w13sx11w4x2s31wx55w9x14w2x10w2x4s23"
    "w3s54wdw3d2w2d5w2dwdw24x3w2s16w2s5w10x6w2x6w2x6w9x7wx7wx43ws14w2s4x123ws2w2x10w6x11172w12x23w4x49w4x8448s366w2x1"
    "06w38x7w12x5w5xwd10ws13wx5wxwx2wx2wx108w17s16x363w18s64w2x54w7xs32x12w4s16d10s6x16d35sx19sx4s4x5wx135w2xdx15s10w"
    "7s26w6s26w11s89w3x6w2x6w2x6w2x3w3x7sx7s10x3d2s2x12wx26wx19wx2wx15w2x14w34x123w5x3s4x45w3x9s57w17s2w3sx13s3xs47x4"
    "5sd130x29w3x49w15xd27w4x36w9x30w5x38w5d5x30wxs36w4x8ws5w42x158w2x10w6x36w4x36w4x40w8x52w11xs11wx15wx7wx2wx11wx15"
    "wx7wx2w67x311w9x22w10x8w24x6wx42wx9w69x6w2xwx44wx2w3xw2x23wxs31w2s38w8x9w48x19wx2w5x33w3xs26w5xs64x56w4x20w2x50w"
    "x2w5xwdwd4wx3wx29w2x3d4x10w7x9s7x31ws32w32x8ws28w2d4x5w7s9x54w3x7s22w2x27w5x26w7x4s12x7w80x73w55x51w13x51w7x42w4"
    "d8x10w294x31wx42wx2ds2x2w78x40w8x22w11d4w5s22x18w4d4s38x28w20x23w9x71w7s4x36w9x60w2sd4sw10xd2x25w7x10w6x3d50wx10"
    "w4s4w8x36w2sw9x69w4s4ws13wsw3sx20w11x18wx37w6sw65x7wxwx4wx15wx10ws6x59w5x10w6x4wx8w2x2w2x22wx7wx2wx5wx10w2x2w2x3"
    "w2xw6xw5x7w2x7d3x5d139x75w5s10w2sxsd3w30x70wsw8x10w166x54w2x9w23s6w34x65w3sw11x10w6x13s19x57ws6x10w54x27w2x15w4x"
    "12w4s7w185x59ws100x83w12x8w2xw2x8wx2wx30wx2w2x9w3s9x10w70x8w2x46w2x8ws2w27x63w8sw8x74w3sw5s13x73w263x9wx45wx9w5s"
    "10x29w3x2s30w2x22wx14w73x7wx2wx44w3xwx2wx9w8x10w6x6wx2wx37wx2wx6w7x10w310x23w2s183xw15x21w29s13xs922w102x111wx5s"
    "11x196w2636x97w2s13x1071wx9d4039x583w8633x569w7x31wx10w4x2s79wx10w6x30w2x5ds10x48w7d9s4w2s10x10wx7wx21w5x19w688x"
    "87w4s101x75w4x57w7x17w64x2ws2w11x2w14x6136w8x1238w42x9w8935x4wx7wx2wx291w45x3w17x4w8x396w2308x107w5x13w3x9w7x10w"
    "2xswds4d4700x46w2x23w9x116s60x246s10x39s2x60s5d3s22d2s7d30s4d61s21x66s3ds154x20w12x87s9x25w135x85wx71wx2w2xw2x2w"
    "2x4wx12wxwx7wx65wx4w2x8wx7wx28wx4wx5wxw3x7wx340w2x25ws25ws31ws25ws31ws25ws31ws25ws31ws25ws8w2x50w512s55w4s50w8sw"
    "14sw7s15x5wx15w1104x31w225x7dx17d2x7dx2dx5d213x45w3x7d7w2x10w4xws320x30wd17x44w4d10w5xs1248x7wx4wx2wx15wx197w2x9"
    "w7d41x68w6d2w4x10w4x2s785x59ws3ws4w76x45ws15w194x4wx27wx2wxw2xwx10wx4wxwxw6xw4xwxwxwx3wx2wxw2xwxwxwxwxwx2wxw2x4w"
    "x7wx4wx4wxwx10wx17w5x3wx5wx17w52x2s270x44s4x100s12x15s2x15sx15sx37s10x13w161s56x29s13x44s4x9s7x2s14x6s154x984s5x"
    "16s3x13s3x116s12x89s7x12s4xs15x12s4x56s8x10s6x40s8x30s2x2s78x340s12x14s2x5s3x5s3x7s9x29s3x11s5x6s10x10s6x8s8x7s9"
    "x147sx55s37x10w1030x42720w32x4153w7x222w2x5762w14x7473w3103x542w1506x4939w715958xd30x96d128x240d65040x65534s2x65"
    "534s2x"
)
"""All code points in order, as lengths and classes: `w` is in words, `d` is dropped, `s` separates, `x` is unknown.

`tests/domain/test_characters.py` has the rule that made it.
"""

UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff"
    "\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaadf\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""The scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Tai, Han, kana, bopomofo."""

MARKS: Final = (
    "\u093c\u094d\u09bc\u09cd\u0a3c\u0a4d\u0abc\u0acd\u0b3c\u0b4d\u0bcd\u0c3c\u0c4d-\u0c56\u0cbc\u0ccd\u0d3b-\u0d3c"
    "\u0d4d\u0dca\u0e38-\u0e3a\u0e48-\u0e4b\u0eb8-\u0eba\u0ec8-\u0ecb\u0f71-\u0f7d\u0f80-\u0f84\u1037\u1039-\u103a"
    "\u1714-\u1715\u1734\u17d2\u1a60\u1b34\u1b44\u1baa-\u1bab\u1be6\u1bf2-\u1bf3\u1c37\u2d7f\u3099-\u309a\ua806\ua82c"
    "\ua8c4\ua953\ua9b3\ua9c0\uaaf6\uabed\U00010a3f\U00011046\U00011070\U0001107f\U000110b9-\U000110ba"
    "\U00011133-\U00011134\U00011173\U000111c0\U000111ca\U00011235-\U00011236\U000112e9-\U000112ea"
    "\U0001133b-\U0001133c\U0001134d\U00011442\U00011446\U000114c2-\U000114c3\U000115bf-\U000115c0\U0001163f"
    "\U000116b6-\U000116b7\U0001172b\U00011839-\U0001183a\U0001193d-\U0001193e\U00011943\U000119e0\U00011a34"
    "\U00011a47\U00011a99\U00011c3f\U00011d42\U00011d44-\U00011d45\U00011d97\U00016ff0-\U00016ff1\U0001e94a"
)
"""The marks in words whose order in a row is free (their combining class is not 0)."""


class Class(StrEnum):
    """What a character is to a search."""

    WORD = "w"
    DROPPED = "d"
    SEPARATOR = "s"
    UNKNOWN = "x"


def class_of(character: str) -> Class:
    """Return the class of a character."""
    begins, classes = _table()
    return classes[bisect_right(begins, ord(character)) - 1]


@cache
def _table() -> tuple[list[int], list[Class]]:
    """Return where each run of the table begins, and its class."""
    runs = [(int(length or 1), Class(class_)) for length, class_ in re.findall("([0-9]*)([a-z])", _RUNS)]
    ends = accumulate(length for length, _ in runs)
    return [0, *ends], [class_ for _, class_ in runs]
