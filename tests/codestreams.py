"""Codestreams of 8 x 8 images, made once with imagecodecs by the call above each, and what they hold."""

from base64 import b85decode

import numpy as np

_y, _x = np.mgrid[:8, :8]
GREY = (_y * 24 + _x * 7).astype(np.uint8)
TWELVE = (_y * 480 + _x * 37).astype(np.uint16)
SIGNED = (_y * 900 - _x * 333 - 2000).astype(np.int16)
RGB = np.stack([_y * 30, _x * 30, 255 - _y * 15 - _x * 15], -1).astype(np.uint8)

# fmt: off
# imagecodecs.jpeg8_encode(GREY, level=95)
JPEG_8 = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00IF40RaI50RaI50s;a81OoyB0s;jD1Oo&H1qKEN1qKEN2MGuU2MGrT1_%oX2?`1d3JL}Y"
    "3k(Yi3<(Mf3je?W3kU!R00;pA5di<h03QGV0R;g80RaI400000000000RjUA1qKHQ2?`7U!~nGr00IF60|EpC1qB2I0004f0RjU6"
    "1Q7)iAu&M)6H#FYB5@QlfsvsIBSNvk6;jdgBr{@if(Z&17Z@2DB_<~*DJnEIHa9pqIzvQ7Mn_0VN>fx-"
    "R##YAT4Q8oW@l(=YIAgTc6WGrdV_?8hKGoWijtF*m6n&7nVO=bq@|{(sHv*5v$VCgx45~w!o$SH#>dFX%F@%+)z;V8+1laa<K*S$"
    "=jiF`@$&QZ_4fDp`TGCb00;pA002J#^B>v&0R9M-{-gdWA5ZyV{{Ysn|Je"
)
# imagecodecs.jpeg8_encode(TWELVE, level=98, bitspersample=12)
JPEG_12 = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV009930RaI40RaI40RaI40s#R50RaL50RaL60s;a80s;a90|WyD0|NsB0s{mC0|W#F1Ox&D"
    "1qB2I1q1{H1pmPR3k(1V00;pA5di<h02BZL0000000000000000000B|HJ?s5C8xM0{{R30000000000000UODmO_~Wpe-"
    "800;pA002J#2(qrHbt8s0Vpn$>f&bY"
)
# imagecodecs.jpeg8_encode(RGB, level=95, subsampling="444")
JPEG_444 = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00IF40RaI50RaI50s;a81OoyB0s;jD1Oo&H1qKEN1qKEN2MGuU2MGrT1_%oX2?`1d3JL}Y"
    "3k(Yi3<(Mf3jf;xLjeK;0s;a81p@;G3I_%U3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JU+g"
    "01*fP2mlBJ0TBQK5di}c0sq7R9{>OW1pxs80RaI300000000010s{mE1_uZU3Jd?l0JRVR0s#X90t5pE1q1{D00Dgg0s{a95d{(<"
    "F+m0sQDFxnaTGFvk)a49Lb1UWQqk}vGh%Xr2?`b$7#SKRCMPH<Dl|1VH#j*uLqtVJM@UIZQ&d$}S6EqEV`OD!XJ~0^b98lfcX)Yv"
    "gM@{Khlq)al9QB`mY0~BnxdnmrKYE-sj9NGw6(UkxVgH*!^FkL$H>Xb($mz{*4NnC+Tr5k<mKk)=;`Y5^7Hid_V@Vt`v1fL9{~UZ"
    "0RaI40RaI40RR91000010s{mE1_uZU3Jd?l0JRYS0s#U91Oo&I1q1{D0Rndb0RjUN1O*{61`<J02Vrp&A~Jyp6he`qvB3!=Gg9ys"
    "Vsg<679=#`CGi&+85$-hC@Cs6Ha9pqIzvQ7Mn_0VN>fx-"
    "R##YAT4Q8oW@l(=YIAgTc6WGrdV+(5g@%WSiHeewl$Dm3n3<ZQqok##r>Lo_va__cwzs&sy28W6#m2|T$;#5x)YaD4*xB0R<K*S$"
    "=jiF`^7Hid_V@Vt`v2Mh3<CiG0ucid06zfpfA}Wv?Dziw9v|pG-ToT=Yw17Zm+}7qd*7+S<3G`__@BA&(Er&"
)
# imagecodecs.jpeg8_encode(RGB, level=95, subsampling="422")
JPEG_422 = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00IF40RaI50RaI50s;a81OoyB0s;jD1Oo&H1qKEN1qKEN2MGuU2MGrT1_%oX2?`1d3JL}Y"
    "3k(Yi3<(Mf3jf;xLjeK;0s;a81p@;G3I_%U3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JU+g"
    "01*fP2mlBJ0U-"
    "ba5di}c0sq7R9{>OW1pxs80RaI300000000010s{mE1_uZU3Jd?l0JRVR0s#X90t5pE1q1{D00Dgg0s{a95d{(<F+m0sQDFxnaTG"
    "Fvk)a49Lb1UWQqk}vGh%Xr2?`b$7#SKRCMPH<Dl|1VH#j*uLqtVJM@UIZQ&d$}S6EqEV`OD!XJ~0^b98lfcX)YvgM@{Khlq)al9Q"
    "B`mY0~BnxdnmrKYE-sj9NGw6(UkxVgH*!^FkL$H>Xb($mz{*4NnC+Tr5k<mKk)=;`Y5^7Hid_V@Vt`v1fL9{~UZ0RaI40RaI40RR"
    "91000010s{mE1_uZU3Jd?l0JRYS0s#U91Oo&I1q1{D0Rndb0RjUN1O*{61`<J02Vrp&A~Jyp6he`qvB3!=Gg9ysVsg<679=#`CGi"
    "&+85$-hC@Cs6Ha9pqIzvQ7Mn_0VN>fx-"
    "R##YAT4Q8oW@l(=YIAgTc6WGrdV+(5g@%WSiHeewl$Dm3n3<ZQqok##r>Lo_va__cwzs&sy28W6#m2|T$;#5x)YaD4*xB0R<K*S$"
    "=jiF`^7Hid_V@Vt`v2Mh3<CiG0ucid06zfpfA}Wv?Dziw9v|pG-ToRY=l+rYIe*5^#Qyj3^JnBfF8vzU`sG{qKZlwB*#"
)
# imagecodecs.jpeg8_encode(RGB, level=95, subsampling="420")
JPEG_420 = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00IF40RaI50RaI50s;a81OoyB0s;jD1Oo&H1qKEN1qKEN2MGuU2MGrT1_%oX2?`1d3JL}Y"
    "3k(Yi3<(Mf3jf;xLjeK;0s;a81p@;G3I_%U3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JU+g"
    "01*fP2mlBJ0U`hb5di}c0sq7R9{>OW1pxs80RaI300000000010s{mE1_uZU3Jd?l0JRVR0s#X90t5pE1q1{D00Dgg0s{a95d{(<"
    "F+m0sQDFxnaTGFvk)a49Lb1UWQqk}vGh%Xr2?`b$7#SKRCMPH<Dl|1VH#j*uLqtVJM@UIZQ&d$}S6EqEV`OD!XJ~0^b98lfcX)Yv"
    "gM@{Khlq)al9QB`mY0~BnxdnmrKYE-sj9NGw6(UkxVgH*!^FkL$H>Xb($mz{*4NnC+Tr5k<mKk)=;`Y5^7Hid_V@Vt`v1fL9{~UZ"
    "0RaI40RaI40RR91000010s{mE1_uZU3Jd?l0JRYS0s#U91Oo&I1q1{D0Rndb0RjUN1O*{61`<J02Vrp&A~Jyp6he`qvB3!=Gg9ys"
    "Vsg<679=#`CGi&+85$-hC@Cs6Ha9pqIzvQ7Mn_0VN>fx-"
    "R##YAT4Q8oW@l(=YIAgTc6WGrdV+(5g@%WSiHeewl$Dm3n3<ZQqok##r>Lo_va__cwzs&sy28W6#m2|T$;#5x)YaD4*xB0R<K*S$"
    "=jiF`^7Hid_V@Vt`v2Mh3<CiG0ucid06zfpfA}Wv?Dziw9v|pG-ToRVqQ4XRNBFtNAMq2hKkXl%cjjM<z6AJh{<+rw0A>8U`XB$<"
)
# imagecodecs.ljpeg_encode(TWELVE, bitspersample=12)
LOSSLESS_12 = b85decode(
    "|JeV;02crO0RaI30000000000000082?h-"
    "R!vG5m00;mG0RRyI|Jncu0RR97008Iz0MhAnx?L`pOL!g+2ZO=j@OWMagTdhNcsw2#f#C3XJRT1Rh2VHR9uEhD!Qprw4+n$6;P7}"
    "}2ZO=j@OV5P7lGjLcsw2t2Y~<C"
)
# imagecodecs.ljpeg_encode(SIGNED.view(np.uint16), bitspersample=16)
LOSSLESS_SIGNED = b85decode(
    "|JeV;02TlN0RaF20000000000000093J?Fo01FTR2mlBH01*KH+5iXv000I60NxA>BFM5Viz3LfxJL=XaGWOz!f>t;!f>1?3Bquk"
    "D}=ysa2y;51;TKgCko*lCkev9aBv(K3BtHX3BqukCkp|=z;JF6!f>1?3BqukD}->ICkeuEoF@qX*#"
)
# imagecodecs.jpegls_encode(TWELVE)
JPEGLS_12 = b85decode(
    "|JeWN03cIPNk&Eh0ssI300008000083J?YX0003j0003j|L6b+00001|JeWc01FTR2mlBH0TBTI_y7$7|Nj6I07C&306_oR00;pA"
    "00000qD)DNF&;&b=syA_M2Q+ip->`Mz@JYiQ;Tazk?*XmE2}E1ByV|5Nku_DJtBLl%T}ydu|oG1t5m5{r32eirAn0w6X5^Z"
)
# imagecodecs.jpegls_encode(SIGNED.view(np.uint16))
JPEGLS_SIGNED = b85decode(
    "|JeWN03cIPNk&Eh0ssI300008000083J?YX0003j0003j|L6b+00001|JeWc01FTR2mlBH0TBTI_y7$7|Nj6I07C&306_oR00;pA"
    "000004?U)|#+FiwNk}N?2Y?U+0RVtNAOnKHARr(hARq?=(^_LoKtMo10}X)y90yBjNDv19K!E}PZ`CEHo9+Y%5FkK+H_QkSAV7iu"
    "|Je"
)
# imagecodecs.jpegls_encode(GREY, level=2)
JPEGLS_NEAR = b85decode(
    "|JeWN03cIPNk&Eh0ssI300008000083J3-"
    "P0003j0003j|L6b+00001|JeWc01F5J2mlBH0TBTI+5iXv0RRF30Jp!vB1sYil9EJ9nlz@OR+yROpD6#?"
)
# imagecodecs.htj2k_encode(TWELVE)
HTJ2K_12 = b85decode(
    "|4;u>04YEK0000800008000000000000008000080000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?kdTm&"
    "kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000SpWh5lfVEb$MyvWbN~PVzyK1!022UE0f%$|8u0^%bO68r"
    "6F>kHfF#lZ0(1aw=!O8pQ~<yLDj)zAU<iUBs&ImJ0KWV7?fbw&0qnK_|Je"
)
# imagecodecs.htj2k_encode(SIGNED)
HTJ2K_SIGNED = b85decode(
    "|4;u>04YEK000080000800000000000000800008000000000000EBy0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?kdTm&"
    "kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000T>t_9lfVEbgZ%=BbN~PVzyK3K022V+`vV7b021H?2Xp|y"
    "029Cf6M)%e_X2`+0MHNp0K-%OzyK<s02N@FGG)s2s&WE#00uYMV1vL?f$X*b|Je"
)
# imagecodecs.htj2k_encode(RGB)
HTJ2K_RGB = b85decode(
    "|4;u>053oQ000080000800000000000000800008000000000000RdB0S5sA2LS>9Pyh%30ssI21OHM03;+TE0RaUB1V91*TmTaw"
    "P*_-4SXfwCSXfwCSWr+<|6~9c00B>MWo}APNFY{aav(4+GBz$VF8`1K3IG5A007$n0soW05`g&t2Xp|y5`gRh2Xp|y5&-"
    "@HV*mgE00000zzJXkumUjT0Ect{-~b17003hEzzJXkpqT-ObO46|2Xp|y319@E5dnvE01yF(bO68!paif2KtRF(2y_4r{xeem_ZV"
    "{kzzLuPz{%tR0(1bw;Q%940Kf^L1i*#D0RnUYhK2w`Q~<yg5Cu#DAfy3gN$--"
    "y03dAq1xK#@HUNM&Bmlq_5Cq^^mSw7Nf^`7ByTQrqwE(~s5Cuqk@BON90(Aho*80Ez0qnK_|Je"
)
# imagecodecs.htj2k_encode(GREY, level=0.01, reversible=False)
HTJ2K_LOSSY = b85decode(
    "|4;u>04YEK0000800008000000000000008000080000000000009R90sl|{2mk^A001EWQUDA90ssL31q1{@0RLP7BO+m`VT)ml"
    "VQyKOS(#aeQOi-wQQAsEN<vDOLLfpQLD>If02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000N&o@>lfVSPN&NzcbN~PVz!Ja`"
    "fX)DibO00qhjakIC4fvK0K#+tMB)G=Q~<zB0aWm`@^k<q9v;U@DZA=60RPz"
)
# imagecodecs.jpeg2k_encode(TWELVE, level=90, codecformat="j2k")
J2K_LOSSY = b85decode(
    "|4;u>04V?f0000800008000000000000008000080000000000009pH0sm3}4FLiG0RR951ONbt|6BkCLVy7OWB?@q0Yh?SVRU6="
    "AYyqSPjF>!N>D{dAa-SPb7^mGATlmBE;Rp;015yA0001G00IA#-|<iqD`ysukD-"
    "DX7Ev2RS0T;M7#yxbvPIl{5){dp2L!@X!nPs&I>IJFCc<v_@FLA;f+o+FqfJ=0K&wcWl&8`qw*c5#j<6GjnCkv=%nGpjFJXTF*#"
)
# fmt: on
