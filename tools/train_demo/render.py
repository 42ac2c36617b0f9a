"""Draws Scenes of world.py as short cartoon clips: flat shapes with dark outlines, antialiased, in torch.

render(scenes, seeds, frames) gives uint8 pictures (B, T, H, W, 3). All shapes are signed distances in pixels, so
that an edge is one soft pixel wide at any size. A clip is painted from the back: sky, drifting clouds, land,
subject, water in front. The camera stands still; what moves is the subject, its limbs, clouds and waves.
"""

import math
import random

import torch

import world

WIDTH, HEIGHT, FPS = 192, 112, 16

SKY = {  # colour at the top and at the horizon
    "day": ((96, 172, 246), (206, 234, 252)),
    "dusk": ((98, 72, 150), (255, 158, 92)),
    "night": ((10, 14, 44), (44, 56, 112)),
}
LAND_TINT = {"day": (1.0, 1.0, 1.0), "dusk": (0.93, 0.70, 0.68), "night": (0.36, 0.40, 0.60)}
SUBJECT_TINT = {"day": (1.0, 1.0, 1.0), "dusk": (1.0, 0.88, 0.86), "night": (0.74, 0.76, 0.90)}
SIZE_SCALE = {"small": 0.66, "normal": 1.0, "big": 1.36}
INK = (30, 28, 36)


# ---- signed distances; every argument is a number or broadcasts to (B, T, H, W) ----

def circle(x, y, cx, cy, r):
    return torch.sqrt((x - cx) ** 2 + (y - cy) ** 2 + 1e-6) - r


def ellipse(x, y, cx, cy, rx, ry):
    dx, dy = x - cx, y - cy
    k0 = torch.sqrt((dx / rx) ** 2 + (dy / ry) ** 2 + 1e-6)
    k1 = torch.sqrt((dx / rx**2) ** 2 + (dy / ry**2) ** 2 + 1e-6)
    return k0 * (k0 - 1) / k1


def capsule(x, y, ax, ay, bx, by, ra, rb=None):
    rb = ra if rb is None else rb
    ux, uy = bx - ax, by - ay
    h = (((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy + 1e-6)).clamp(0, 1)
    return torch.sqrt((x - ax - ux * h) ** 2 + (y - ay - uy * h) ** 2 + 1e-6) - (ra + (rb - ra) * h)


def box(x, y, cx, cy, hx, hy, r=1.0):
    qx, qy = (x - cx).abs() - hx + r, (y - cy).abs() - hy + r
    outside = torch.sqrt(qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + 1e-6)
    return outside + torch.maximum(qx, qy).clamp(max=0) - r


def polygon(x, y, points, r=0.0):
    """A convex polygon, its corners in either order, grown by r."""
    best, inside_pos, inside_neg = None, None, None
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
        ux, uy = bx - ax, by - ay
        h = (((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy + 1e-6)).clamp(0, 1)
        d = (x - ax - ux * h) ** 2 + (y - ay - uy * h) ** 2
        side = ux * (y - ay) - uy * (x - ax)
        best = d if best is None else torch.minimum(best, d)
        inside_pos = side > 0 if inside_pos is None else inside_pos & (side > 0)
        inside_neg = side < 0 if inside_neg is None else inside_neg & (side < 0)
    d = torch.sqrt(best + 1e-6)
    return torch.where(inside_pos | inside_neg, -d, d) - r


# ---- the subjects, in their own units: feet at (0, 0), forward is +x, up is -y ----
# Each gives a list of (distance, colour key): "body", "light" and "dark" shades of the named colour, or fixed ones.

FIXED = {"ink": INK, "eye": (252, 252, 250), "skin": (244, 200, 164), "hair": (92, 58, 34), "beak": (250, 160, 40),
         "tyre": (44, 44, 50), "hub": (190, 192, 198), "glass": (176, 220, 244), "wood": (138, 92, 54),
         "flame": (255, 176, 48), "cream": (250, 244, 226), "trousers": (64, 72, 104), "smoke": (226, 226, 230)}


def _eye(x, y, cx, cy, r=1.7):
    return [(circle(x, y, cx, cy, r), "ink")]


def _legs(x, y, step, swing, hips, top, length, r, lift=2.5, foot=0.0):
    """Four legs, the far pair first and darker; step is the phase of the walk."""
    parts = []
    for far in (True, False):
        for i, hip in enumerate(hips):
            phase = step + math.pi * i + (math.pi if far else 0.0) + (0.5 if i else 0.0)
            fx = hip + swing * torch.sin(phase) + (1.5 if far else 0.0)
            fy = -r - lift * torch.cos(phase).clamp(min=0) * (swing.abs() > 0.05)
            d = capsule(x, y, hip + (1.5 if far else 0.0), top, fx, fy, r * 1.15, r)
            if foot:
                d = torch.minimum(d, circle(x, y, fx + foot, fy + 0.3, r * 0.95))
            parts.append((d, "dark" if far else "body"))
    return parts[:2], parts[2:]


def bear(x, y, m):
    far, near = _legs(x, y, m.step, 5.0 * m.gait, (-11.0, 10.5), -13, 12, 4.6, foot=1.6)
    nod = m.nod
    return far + [
        (circle(x, y, -20.5, -22.5, 3.2), "body"),
        (capsule(x, y, -9.5, -20.0, 9.0, -20.5, 11.6, 10.4), "body"),
    ] + near + [
        (circle(x, y, 17.0, -38.5 + nod, 3.6), "body"), (circle(x, y, 25.5, -38.0 + nod, 3.3), "dark"),
        (circle(x, y, 21.0, -30.0 + nod, 9.4), "body"),
        (ellipse(x, y, 29.0, -27.6 + nod, 5.4, 4.2), "light"),
        (ellipse(x, y, 33.2, -29.2 + nod, 2.2, 1.7), "ink"),
    ] + _eye(x, y, 24.6, -32.0 + nod)


def fox(x, y, m):
    far, near = _legs(x, y, m.step, 6.0 * m.gait, (-10.0, 9.0), -12, 12, 2.6)
    wag, nod = m.wag, m.nod
    return far + [
        (capsule(x, y, -13.0, -17.0, -26.0, -21.0 + 3 * wag, 3.0, 5.6), "body"),
        (circle(x, y, -29.5, -22.0 + 3.6 * wag, 3.6), "cream"),
        (capsule(x, y, -9.0, -16.5, 9.0, -17.5, 7.2, 7.4), "body"),
    ] + near + [
        (ellipse(x, y, 13.0, -16.0, 4.2, 5.6), "cream"),
        (polygon(x, y, [(12.5, -33 + nod), (13.5, -44 + nod), (20.5, -35 + nod)], 0.6), "body"),
        (polygon(x, y, [(19.0, -34 + nod), (23.0, -43.5 + nod), (26.0, -33 + nod)], 0.6), "dark"),
        (circle(x, y, 18.5, -28.5 + nod, 7.6), "body"),
        (capsule(x, y, 21.5, -26.5 + nod, 31.5, -24.5 + nod, 4.2, 1.6), "cream"),
        (circle(x, y, 32.6, -25.2 + nod, 1.8), "ink"),
    ] + _eye(x, y, 22.4, -30.0 + nod)


def cat(x, y, m):
    far, near = _legs(x, y, m.step, 5.0 * m.gait, (-10.0, 8.5), -11, 11, 2.7)
    wag, nod = m.wag, m.nod
    return far + [
        (capsule(x, y, -13.0, -17.0, -20.0, -26.0, 2.4), "body"),
        (capsule(x, y, -20.0, -26.0, -20.5 + 4 * wag, -39.0, 2.4, 2.0), "body"),
        (capsule(x, y, -9.0, -16.0, 8.0, -16.5, 7.4, 7.4), "body"),
    ] + near + [
        (polygon(x, y, [(8.0, -32 + nod), (8.5, -42 + nod), (15.0, -35.5 + nod)], 0.6), "body"),
        (polygon(x, y, [(17.0, -35.5 + nod), (23.0, -42 + nod), (23.5, -32 + nod)], 0.6), "body"),
        (circle(x, y, 15.8, -28.5 + nod, 9.2), "body"),
        (ellipse(x, y, 19.4, -24.6 + nod, 4.4, 3.0), "light"),
        (circle(x, y, 20.6, -26.2 + nod, 1.3), "beak"),
    ] + _eye(x, y, 14.6, -30.2 + nod) + _eye(x, y, 21.6, -30.2 + nod)


def dog(x, y, m):
    far, near = _legs(x, y, m.step, 6.0 * m.gait, (-11.0, 9.5), -13, 13, 3.0, foot=1.0)
    wag, nod = m.wag, m.nod
    return far + [
        (capsule(x, y, -15.0, -21.0, -23.0, -30.0 + 3 * wag, 2.7, 2.0), "body"),
        (capsule(x, y, -10.0, -18.5, 9.5, -19.0, 7.8, 8.2), "body"),
        (capsule(x, y, 10.0, -20.0, 16.0, -29.0, 6.0, 5.4), "body"),
    ] + near + [
        (circle(x, y, 18.0, -32.5 + nod, 7.6), "body"),
        (capsule(x, y, 21.0, -30.2 + nod, 29.0, -28.6 + nod, 4.6, 3.6), "body"),
        (circle(x, y, 31.6, -30.4 + nod, 2.2), "ink"),
        (capsule(x, y, 13.6, -36.0 + nod, 11.0, -27.0 + nod + wag, 2.4, 3.6), "dark"),
    ] + _eye(x, y, 21.4, -34.6 + nod)


def rabbit(x, y, m):
    far, near = _legs(x, y, m.step, 5.0 * m.gait, (-8.0, 8.0), -8, 8, 2.9, foot=2.2)
    wag, nod = m.wag, m.nod
    return far + [
        (circle(x, y, -17.5, -14.5, 4.4), "light"),
        (ellipse(x, y, -3.5, -14.0, 14.0, 10.4), "body"),
    ] + near + [
        (capsule(x, y, 11.5, -32 + nod, 8.5 + wag, -48 + nod, 2.9, 2.4), "dark"),
        (capsule(x, y, 14.5, -32 + nod, 15.0 + wag, -49.5 + nod, 3.0, 2.5), "body"),
        (capsule(x, y, 14.6, -35 + nod, 14.9 + wag, -47.5 + nod, 1.2, 1.0), "light"),
        (circle(x, y, 13.0, -26.0 + nod, 8.4), "body"),
        (ellipse(x, y, 18.6, -23.6 + nod, 3.6, 2.8), "light"),
        (circle(x, y, 21.2, -25.0 + nod, 1.2), "ink"),
    ] + _eye(x, y, 15.6, -28.0 + nod)


def horse(x, y, m):
    far, near = _legs(x, y, m.step, 7.0 * m.gait, (-12.0, 10.5), -19, 20, 2.5, lift=3.5, foot=0.8)
    wag, nod = m.wag, m.nod
    return far + [
        (capsule(x, y, -18.0, -28.0, -25.0 - 2 * wag, -14.0, 3.2, 2.0), "dark"),
        (capsule(x, y, -10.5, -25.0, 10.0, -25.0, 9.0, 8.2), "body"),
    ] + near + [
        (capsule(x, y, 9.0, -29.0, 15.5, -45.0 + nod, 3.2, 2.6), "dark"),
        (capsule(x, y, 11.0, -27.0, 19.5, -43.0 + nod, 6.4, 4.4), "body"),
        (polygon(x, y, [(16.0, -46 + nod), (17.0, -53 + nod), (20.5, -47 + nod)], 0.5), "body"),
        (capsule(x, y, 20.0, -44.0 + nod, 31.0, -37.0 + nod, 4.8, 3.4), "body"),
        (circle(x, y, 32.0, -36.4 + nod, 3.2), "light"),
    ] + _eye(x, y, 22.4, -45.0 + nod, 1.5)


def elephant(x, y, m):
    far, near = _legs(x, y, m.step, 4.0 * m.gait, (-12.0, 9.0), -16, 15, 4.9, lift=2.0)
    wag, nod = m.wag, m.nod
    return far + [
        (capsule(x, y, -21.0, -28.0, -26.0, -19.0 + 2 * wag, 1.5, 1.2), "dark"),
        (ellipse(x, y, -3.0, -26.0, 20.0, 14.5), "body"),
    ] + near + [
        (capsule(x, y, 28.0, -29.0 + nod, 34.0 + wag, -17.0 + nod, 4.4, 3.2), "body"),
        (capsule(x, y, 34.0 + wag, -17.0 + nod, 37.5 + 2 * wag, -8.0 + nod, 3.2, 2.4), "body"),
        (circle(x, y, 22.0, -34.0 + nod, 10.4), "body"),
        (capsule(x, y, 28.0, -25.0 + nod, 33.5, -24.0 + nod, 1.6, 1.0), "cream"),
        (ellipse(x, y, 14.5, -33.0 + nod + 0.6 * wag, 7.0, 9.4), "dark"),
    ] + _eye(x, y, 25.4, -36.6 + nod)


def penguin(x, y, m):
    swing = 4.0 * m.gait * torch.sin(m.step)
    sway = 1.6 * m.gait * torch.sin(m.step)
    return [
        (ellipse(x, y, 2.0 + swing, -2.2, 5.4, 2.4), "beak"), (ellipse(x, y, 1.0 - swing, -2.2, 5.4, 2.4), "beak"),
        (ellipse(x, y, sway * 0.4, -20.0, 12.6, 18.0), "body"),
        (circle(x, y, 2.0 + sway, -39.0 + m.nod, 9.2), "body"),
        (ellipse(x, y, 4.4 + sway * 0.4, -18.0, 8.4, 13.6), "eye"),
        (ellipse(x, y, 6.0 + sway, -38.0 + m.nod, 5.0, 5.2), "eye"),
        (polygon(x, y, [(9.6 + sway, -40.0 + m.nod), (17.0 + sway, -37.4 + m.nod), (9.6 + sway, -35.0 + m.nod)], 0.6),
         "beak"),
        (capsule(x, y, -7.0, -27.0, -13.0 - 2.5 * m.wag, -14.0, 3.0, 2.2), "dark"),
    ] + _eye(x, y, 6.6 + sway, -40.4 + m.nod)


def child(x, y, m):
    swing = torch.sin(m.step) * m.gait
    up = 1.2 * m.gait * torch.cos(2 * m.step)
    arm = 6.0 * swing + 1.5 * m.wag
    return [
        (capsule(x, y, 0.0, -16.0, 6.5 * swing, -2.4, 3.0, 2.6), "trousers"),
        (capsule(x, y, 0.0, -16.0, -6.5 * swing, -2.4, 3.0, 2.6), "trousers"),
        (ellipse(x, y, 6.5 * swing + 1.8, -1.9, 4.0, 2.1), "ink"), (ellipse(x, y, -6.5 * swing + 1.8, -1.9, 4.0, 2.1), "ink"),
        (capsule(x, y, -1.0, -29.0 + up, -2.0 - arm, -18.5 + up, 2.6, 2.3), "dark"),
        (polygon(x, y, [(-5.0, -32 + up), (5.0, -32 + up), (8.4, -14 + up), (-8.4, -14 + up)], 2.0), "body"),
        (circle(x, y, -1.2, -42.5 + up + m.nod, 8.9), "hair"),
        (circle(x, y, 1.6, -40.8 + up + m.nod, 7.6), "skin"),
        (capsule(x, y, 0.0, -29.0 + up, 1.0 + arm, -19.5 + up, 2.9, 2.5), "light"),
        (circle(x, y, 1.4 + arm * 1.1, -17.2 + up, 2.3), "skin"),
    ] + _eye(x, y, 5.6, -42.0 + up + m.nod, 1.5)


def robot(x, y, m):
    swing = torch.sin(m.step) * m.gait
    up = 0.8 * m.gait * torch.cos(2 * m.step)
    return [
        (capsule(x, y, -4.0, -12.0, -4.0 - 5 * swing, -3.0, 2.3), "dark"),
        (capsule(x, y, 4.0, -12.0, 4.0 + 5 * swing, -3.0, 2.3), "dark"),
        (box(x, y, -3.0 - 5 * swing, -2.4, 4.6, 2.4, 1.2), "dark"), (box(x, y, 5.0 + 5 * swing, -2.4, 4.6, 2.4, 1.2), "dark"),
        (box(x, y, 0.0, -21.5 + up, 10.0, 10.0, 2.5), "body"),
        (box(x, y, 1.5, -22.0 + up, 5.2, 4.6, 1.2), "light"),
        (capsule(x, y, 0.5, -44.0 + up + m.nod, 0.5 + m.wag, -51.0 + up + m.nod, 0.9), "dark"),
        (circle(x, y, 0.5 + m.wag, -52.0 + up + m.nod, 2.4), "flame"),
        (box(x, y, 1.0, -38.5 + up + m.nod, 8.6, 6.4, 2.0), "body"),
        (box(x, y, 3.6, -39.0 + up + m.nod, 5.6, 3.0, 1.5), "glass"),
        (circle(x, y, 1.6, -39.0 + up + m.nod, 1.4), "ink"), (circle(x, y, 6.2, -39.0 + up + m.nod, 1.4), "ink"),
        (capsule(x, y, -1.5, -27.0 + up, -1.5 + 6 * swing, -15.0 + up, 2.4), "dark"),
        (circle(x, y, -1.5 + 6 * swing, -14.0 + up, 3.0), "body"),
    ]


def bird(x, y, m):
    flap = torch.sin(m.step)
    return [
        (polygon(x, y, [(-10.0, -1.0), (-24.0, -5.0), (-23.0, 4.0)], 0.8), "dark"),
        (polygon(x, y, [(-4.0, -3.0), (8.0, -3.0), (-3.0, -3.0 - 19.0 * flap)], 1.2), "dark"),
        (ellipse(x, y, 0.0, 0.0, 14.0, 8.2), "body"),
        (circle(x, y, 12.0, -6.0, 6.8), "body"),
        (ellipse(x, y, 3.0, 3.2, 8.0, 3.8), "light"),
        (polygon(x, y, [(17.4, -8.4), (26.0, -5.0), (17.4, -2.8)], 0.5), "beak"),
        (polygon(x, y, [(-7.0, -1.0), (6.0, -1.0), (-6.0, -1.0 - 23.0 * flap)], 1.6), "body"),
    ] + _eye(x, y, 13.8, -7.6)


def butterfly(x, y, m):
    open_ = 0.45 + 0.55 * (0.5 + 0.5 * torch.sin(m.step))
    return [
        (ellipse(x, y, -4.0 - 4.0 * open_, -11.0 * open_, 9.0, 3.0 + 11.0 * open_), "dark"),
        (ellipse(x, y, 6.0 - 2.0 * open_, -15.0 * open_, 9.6, 3.0 + 13.0 * open_), "body"),
        (ellipse(x, y, -9.0, 5.0 + 3.0 * open_, 8.0, 4.0 + 5.0 * open_), "body"),
        (circle(x, y, 5.0 - 2.0 * open_, -18.0 * open_, 3.4), "light"),
        (circle(x, y, -9.0, 6.0 + 4.0 * open_, 2.6), "light"),
        (capsule(x, y, -9.0, 4.0, 10.0, -4.0, 2.2, 3.0), "ink"),
        (capsule(x, y, 11.0, -6.0, 17.0, -13.0, 0.8), "ink"),
    ]


def fish(x, y, m):
    wag = torch.sin(m.step)
    return [
        (polygon(x, y, [(-12.0, 0.0), (-25.0, -9.0 + 3 * wag), (-22.0, 0.0 + 2 * wag), (-25.0, 9.0 + 3 * wag)], 1.0), "dark"),
        (polygon(x, y, [(-6.0, -8.0), (6.0, -9.0), (-6.0, -16.0)], 1.2), "dark"),
        (ellipse(x, y, 0.0, 0.0, 18.0, 11.0), "body"),
        (ellipse(x, y, 2.0, 5.0, 11.0, 4.6), "light"),
        (box(x, y, -3.0, 0.0, 1.8, 8.4, 1.0), "light"),
        (polygon(x, y, [(2.0, 1.0), (-7.0, -1.0 + 3 * wag), (-6.0, 6.0 + 3 * wag)], 0.8), "dark"),
        (circle(x, y, 10.0, -3.0, 3.4), "eye"), (circle(x, y, 11.0, -3.0, 1.7), "ink"),
    ]


def whale(x, y, m):
    wag = torch.sin(m.step)
    return [
        (polygon(x, y, [(-27.0, -4.0 + 3 * wag), (-40.0, -14.0 + 5 * wag), (-37.0, -2.0 + 5 * wag)], 1.4), "dark"),
        (polygon(x, y, [(-27.0, -3.0 + 3 * wag), (-41.0, 2.0 + 5 * wag), (-35.0, -5.0 + 5 * wag)], 1.4), "dark"),
        (capsule(x, y, 9.0, -1.0, -28.0, -3.5 + 3 * wag, 16.0, 3.4), "body"),
        (ellipse(x, y, 11.0, 6.6, 13.0, 7.0), "light"),
        (polygon(x, y, [(2.0, 7.0), (-10.0, 17.0 + 2 * wag), (-2.0, 6.0)], 1.4), "dark"),
    ] + _eye(x, y, 17.5, -3.0, 1.9)


def boat(x, y, m):
    w = m.wag
    return [
        (capsule(x, y, 0.0, -8.0, 0.0, -47.0, 1.3), "wood"),
        (polygon(x, y, [(2.5, -45.0), (2.5, -14.0), (22.0 + w, -15.0)], 0.8), "light"),
        (polygon(x, y, [(-2.5, -41.0), (-2.5, -14.0), (-17.0 + w, -15.0)], 0.8), "light"),
        (polygon(x, y, [(0.5, -51.5), (0.5, -46.5), (-9.0, -49.0 + w)], 0.4), "body"),
        (polygon(x, y, [(-26.0, -10.0), (30.0, -12.0), (20.0, 5.0), (-18.0, 5.0)], 1.6), "body"),
        (polygon(x, y, [(-27.0, -10.6), (31.0, -12.6), (29.0, -9.0), (-25.6, -7.0)], 0.4), "dark"),
    ]


def _wheel(x, y, cx, r, turn):
    return [(circle(x, y, cx, -r, r), "tyre"), (circle(x, y, cx, -r, r * 0.55), "hub"),
            (capsule(x, y, cx - r * 0.5 * torch.cos(turn), -r - r * 0.5 * torch.sin(turn),
                     cx + r * 0.5 * torch.cos(turn), -r + r * 0.5 * torch.sin(turn), 0.8), "tyre")]


def car(x, y, m):
    b = 0.4 * torch.sin(3 * m.step)
    return [
        (polygon(x, y, [(-15.0, -17 + b), (-9.0, -29 + b), (8.0, -29 + b), (15.0, -17 + b)], 2.2), "body"),
        (box(x, y, 1.0, -13.0 + b, 29.0, 7.4, 4.5), "body"),
        (polygon(x, y, [(-11.0, -19 + b), (-7.0, -26.6 + b), (-1.5, -26.6 + b), (-1.5, -19 + b)], 0.6), "glass"),
        (polygon(x, y, [(2.0, -19 + b), (2.0, -26.6 + b), (6.6, -26.6 + b), (11.4, -19 + b)], 0.6), "glass"),
        (box(x, y, 1.0, -8.0 + b, 28.0, 1.6, 1.0), "dark"),
        (circle(x, y, 27.0, -14.5 + b, 2.4), "flame"),
    ] + _wheel(x, y, -15.0, 6.6, m.turn) + _wheel(x, y, 17.0, 6.6, m.turn)


def train(x, y, m):
    b = 0.3 * torch.sin(3 * m.step)
    puff = torch.remainder(m.step / 4.0, 1.0)
    smoke = [(circle(x, y, 18.0 - 22.0 * q, -45.0 - 13.0 * q, 2.5 + 5.0 * q * (1.6 - q)), "smoke")
             for q in (puff, torch.remainder(puff + 0.5, 1.0))]
    return smoke + [
        (box(x, y, -31.5, -16.0 + b, 11.5, 8.5, 1.5), "dark"),
        (box(x, y, -18.0, -9.0, 4.0, 1.0, 0.5), "tyre"),
        (box(x, y, 18.0, -33.0 + b, 3.4, 7.5, 0.8), "dark"),
        (capsule(x, y, 0.0, -18.5 + b, 23.0, -18.5 + b, 8.6), "body"),
        (box(x, y, -6.0, -21.5 + b, 8.6, 13.5, 1.5), "body"),
        (box(x, y, -6.0, -36.0 + b, 10.6, 1.9, 0.8), "dark"),
        (box(x, y, -6.0, -27.0 + b, 4.8, 4.6, 0.8), "glass"),
        (box(x, y, 8.0, -9.0 + b, 23.0, 2.2, 0.8), "dark"),
        (circle(x, y, 31.0, -19.0 + b, 2.4), "flame"),
    ] + _wheel(x, y, -36.5, 4.6, m.turn) + _wheel(x, y, -25.5, 4.6, m.turn) + _wheel(x, y, -5.0, 6.6, m.turn) \
      + _wheel(x, y, 11.0, 5.4, m.turn) + _wheel(x, y, 24.0, 5.4, m.turn)


def balloon(x, y, m):
    return [
        (capsule(x, y, -10.0, -4.0, -4.5, 15.0, 0.7), "wood"), (capsule(x, y, 10.0, -4.0, 4.5, 15.0, 0.7), "wood"),
        (polygon(x, y, [(-12.0, -2.0), (12.0, -2.0), (5.0, 9.0), (-5.0, 9.0)], 1.0), "dark"),
        (circle(x, y, 0.0, -16.0, 20.0), "body"),
        (ellipse(x, y, 0.0, -16.0, 12.2, 19.2), "light"),
        (ellipse(x, y, 0.0, -16.0, 5.6, 19.2), "body"),
        (box(x, y, 0.0, 19.0, 6.2, 4.6, 1.2), "wood"),
    ]


def rocket(x, y, m):
    f = torch.sin(5 * m.step)
    return [
        (capsule(x, y, -18.0, 0.0, -31.0 - 3.5 * f, 0.0, 5.0, 1.2), "flame"),
        (capsule(x, y, -18.0, 0.0, -24.0 - 2 * f, 0.0, 2.6, 0.8), "cream"),
        (polygon(x, y, [(-6.0, -6.0), (-20.0, -17.0), (-20.0, -5.0)], 1.2), "dark"),
        (polygon(x, y, [(-6.0, 6.0), (-20.0, 17.0), (-20.0, 5.0)], 1.2), "dark"),
        (ellipse(x, y, 2.0, 0.0, 25.0, 10.4), "body"),
        (polygon(x, y, [(17.0, -7.0), (29.0, 0.0), (17.0, 7.0)], 1.0), "dark"),
        (circle(x, y, 6.0, -1.0, 5.4), "hub"), (circle(x, y, 6.0, -1.0, 3.8), "glass"),
        (capsule(x, y, -18.0, 0.0, -8.0, 0.0, 1.8), "dark"),
    ]


def plane(x, y, m):
    spin = 9.0 * torch.cos(6 * m.step)
    return [
        (polygon(x, y, [(-4.0, -6.0), (6.0, -6.0), (-2.0, -15.0), (-7.0, -15.0)], 0.8), "dark"),
        (polygon(x, y, [(-18.0, -3.0), (-30.0, -17.0), (-23.0, -17.0), (-10.0, -5.0)], 0.8), "dark"),
        (capsule(x, y, 14.0, 0.0, -24.0, -3.0, 8.6, 3.6), "body"),
        (ellipse(x, y, 8.0, -6.6, 7.0, 4.6), "glass"),
        (polygon(x, y, [(2.0, 2.0), (9.0, 2.0), (-4.0, 16.0), (-11.0, 16.0)], 1.0), "light"),
        (capsule(x, y, 24.4, -spin, 24.4, spin, 1.2), "ink"),
        (circle(x, y, 23.4, 0.0, 2.6), "hub"),
    ]


DRAW = {name: globals()[name] for name in world.SUBJECTS}
GROUNDED = {"bear", "fox", "cat", "dog", "rabbit", "horse", "elephant", "penguin", "child", "robot", "car", "train"}


class Motion:
    """Where one subject of every clip is in every frame, each of shape (B, T, 1, 1)."""

    __slots__ = ("x", "y", "angle", "scale", "face", "step", "turn", "gait", "wag", "nod")


# ---- backgrounds ----

def _colour(rgb, tint=(1, 1, 1)):
    return [c * t / 255.0 for c, t in zip(rgb, tint)]


class Painting:
    """Pictures (B, 3, H, W) under construction, painted over by distances (B, 1, H, W); cover is their alpha."""

    def __init__(self, batch, device, dtype):
        self.rgb = torch.zeros(batch, 3, HEIGHT, WIDTH, device=device, dtype=dtype)
        self.cover = torch.zeros(batch, 1, HEIGHT, WIDTH, device=device, dtype=dtype)

    def paint(self, distance, rgb, soft=1.0):
        alpha = (0.5 - distance / soft).clamp(0, 1)
        colour = torch.as_tensor(rgb, device=self.rgb.device, dtype=self.rgb.dtype)
        colour = colour.view(-1, 3, 1, 1) if colour.dim() > 1 else colour.view(1, 3, 1, 1)
        self.rgb = self.rgb + (colour - self.rgb) * alpha
        self.cover = self.cover + (1 - self.cover) * alpha


def _hill(x, y, base, height, wave, phase, height2=0.0):
    """Below a rolling line; base and height in pixels, wave its length."""
    line = base - height * torch.sin(2 * math.pi * x / wave + phase) \
        - height2 * torch.sin(2 * math.pi * x / (wave * 0.43) + 2.3 * phase)
    return line - y


def _background(place, time, batch, u, x, y):
    """Two paintings for `batch` clips of one place and time: the sky, and the land with its alpha.
    u(low, high) draws (batch, 1, 1, 1) random numbers."""
    device, dtype = x.device, x.dtype
    sky, land = Painting(batch, device, dtype), Painting(batch, device, dtype)
    top, low = (_colour(c) for c in SKY[time])
    tint = LAND_TINT[time]
    tone = lambda rgb: _colour(rgb, tint)  # noqa: E731
    if place == "deep":
        shade = {"day": 1.0, "dusk": 0.72, "night": 0.42}[time]
        top, low = [c * shade for c in _colour((46, 150, 214))], [c * shade for c in _colour((8, 52, 124))]
    if place == "moon":
        top, low = _colour((4, 4, 14)), _colour((16, 14, 38))
        tint = {"day": (1, 1, 1), "dusk": (0.95, 0.78, 0.72), "night": (0.55, 0.58, 0.75)}[time]
    horizon = 112.0 if place in ("sky", "deep") else 70.0
    mix = (y / horizon).clamp(0, 1)
    grad = torch.tensor(top, device=device, dtype=dtype).view(1, 3, 1, 1) * (1 - mix) \
        + torch.tensor(low, device=device, dtype=dtype).view(1, 3, 1, 1) * mix
    sky.rgb = grad.expand(batch, 3, HEIGHT, WIDTH).clone()
    if place == "moon" or (time == "night" and place != "deep"):
        for _ in range(14):
            sky.paint(circle(x, y, u(2, 190), u(2, 62 if place != "sky" else 105), u(0.5, 1.0)), (0.95, 0.95, 0.85))
    if place == "moon":
        cx, cy = u(30, 160), u(18, 32)
        sky.paint(circle(x, y, cx, cy, 12.0), (0.22, 0.45, 0.85))
        sky.paint(ellipse(x, y, cx - 3, cy - 2, 6.0, 4.0), (0.30, 0.68, 0.38))
    elif place != "deep":
        cx = u(24, 168)
        if time == "day":
            sky.paint(circle(x, y, cx, u(15, 24), 9.5), _colour((255, 226, 92)))
        elif time == "dusk":
            sky.paint(circle(x, y, cx, u(44, 54) if place != "sky" else u(70, 90), 13.0), _colour((255, 206, 110)))
        else:
            cy = u(15, 24)
            sky.paint(circle(x, y, cx, cy, 9.0), _colour((238, 236, 214)))
            sky.paint(circle(x, y, cx - 3, cy - 1.5, 1.8), _colour((214, 212, 190)))
            sky.paint(circle(x, y, cx + 2.5, cy + 3, 1.4), _colour((214, 212, 190)))

    if place == "ice":
        for _ in range(3):
            cx, h = u(0, 192), u(16, 34)
            tri = [(cx - 1.1 * h, 78.0 + 0 * h), (cx + 1.2 * h, 78.0 + 0 * h), (cx + 0.1 * h, 76 - h)]
            land.paint(polygon(x, y, tri, 1.0), tone((178, 208, 236)))
            land.paint(polygon(x, y, [(cx - 0.2 * h, 78.0 + 0 * h), (cx + 1.2 * h, 78.0 + 0 * h), (cx + 0.1 * h, 76 - h)],
                               0.6), tone((150, 186, 224)))
        land.paint(_hill(x, y, u(70, 74), 2.0, u(110, 180), u(0, 6)), tone((214, 230, 244)))
        land.paint(_hill(x, y, u(80, 84), 1.5, u(90, 160), u(0, 6)), tone((238, 245, 252)))
        for _ in range(3):
            land.paint(ellipse(x, y, u(10, 182), u(96, 108), u(10, 18), 1.4), tone((206, 224, 242)))
    elif place == "sea":
        land.paint(66.0 - y, tone((64, 140, 214)))
        land.paint(76.0 - y + 0.8 * torch.sin(x / 9 + u(0, 6)), tone((48, 120, 200)))
    elif place == "forest":
        land.paint(_hill(x, y, u(60, 64), 3.0, u(100, 160), u(0, 6)), tone((52, 118, 70)))
        for i in range(7):
            cx, h = u(-6, 18) + 28.0 * i, u(34, 48)
            land.paint(box(x, y, cx, 72.0, 2.6, 12.0, 0.5), tone((104, 72, 44)))
            for k, w in ((0.0, 13.0), (0.32, 10.5), (0.62, 7.5)):
                base = 70.0 - k * h
                land.paint(polygon(x, y, [(cx - w, base), (cx + w, base), (cx, base - 0.48 * h)], 0.8),
                           tone((34, 100 + 14 * (i % 2), 58)))
        land.paint(_hill(x, y, u(77, 81), 1.5, u(90, 150), u(0, 6)), tone((88, 142, 62)))
    elif place == "desert":
        land.paint(_hill(x, y, u(62, 68), 7.0, u(120, 200), u(0, 6)), tone((232, 186, 110)))
        land.paint(_hill(x, y, u(74, 79), 4.0, u(100, 170), u(0, 6)), tone((244, 206, 134)))
        for lo, hi in ((8, 60), (130, 184)):
            cx, h = u(lo, hi), u(15, 24)
            green = tone((62, 138, 76))
            land.paint(capsule(x, y, cx, 82.0, cx, 80 - h, 3.4), green)
            land.paint(capsule(x, y, cx, 76.0, cx - 8, 76.0, 2.2), green)
            land.paint(capsule(x, y, cx - 8, 76.0, cx - 8, 68.0, 2.2), green)
            land.paint(capsule(x, y, cx, 72.0, cx + 7, 72.0, 2.0), green)
            land.paint(capsule(x, y, cx + 7, 72.0, cx + 7, 66.0, 2.0), green)
        land.paint(_hill(x, y, u(83, 86), 1.2, u(90, 150), u(0, 6)), tone((250, 220, 156)))
    elif place == "meadow":
        land.paint(_hill(x, y, u(60, 66), 8.0, u(130, 200), u(0, 6)), tone((126, 196, 92)))
        land.paint(_hill(x, y, u(70, 76), 5.0, u(100, 170), u(0, 6)), tone((108, 186, 76)))
        land.paint(_hill(x, y, u(81, 84), 1.5, u(90, 150), u(0, 6)), tone((136, 208, 88)))
        for i in range(9):
            cx, cy = u(4, 188), u(96, 109)
            land.paint(circle(x, y, cx, cy, 2.0), tone(((250, 250, 250), (255, 120, 160), (255, 230, 90))[i % 3]))
            land.paint(circle(x, y, cx, cy, 0.8), tone((250, 190, 40)))
    elif place == "city":
        for i in range(8):
            cx, h = 24.0 * i + u(8, 18), u(26, 58)
            wall = tone(((168, 132, 128), (140, 148, 170), (188, 164, 132), (128, 120, 146))[i % 4])
            land.paint(box(x, y, cx, 84 - h / 2, 12.4, h / 2, 0.5), wall)
            lit = (1.0, 0.86, 0.45) if time != "day" else tone((210, 232, 246))
            wx = ((x - cx + 10.0) % 6.66 - 3.33).abs() - 1.6
            wy = ((y - (84 - h) - 3.0) % 9.0 - 4.0).abs() - 2.2
            inside = torch.maximum((x - cx).abs() - 10.0, torch.maximum((84 - h + 2.5) - y, y - 78.0))
            land.paint(torch.maximum(torch.maximum(wx, wy), inside), lit)
        land.paint(82.0 - y, tone((172, 170, 168)))
        land.paint(86.0 - y, tone((98, 100, 108)))
        dash = torch.maximum(((x + u(0, 24)) % 24.0 - 12.0).abs() - 6.0, (y - 102.0).abs() - 1.0)
        land.paint(dash, tone((236, 232, 210)))
    elif place == "beach":
        land.paint(62.0 - y, tone((64, 160, 220)))
        land.paint(72.0 - y + 1.2 * torch.sin(x / 11 + u(0, 6)), tone((206, 236, 244)))
        land.paint(75.0 - y + 1.2 * torch.sin(x / 13 + u(0, 6)), tone((246, 222, 160)))
        for lo, hi in ((8, 40), (150, 184)):
            cx, lean = u(lo, hi), u(-5, 5)
            land.paint(capsule(x, y, cx, 84.0, cx + lean, 46.0, 2.4, 1.6), tone((142, 104, 64)))
            for ax, ay in ((-15, 4), (-11, -6), (0, -9), (11, -6), (15, 4)):
                land.paint(capsule(x, y, cx + lean, 45.0, cx + lean + ax, 45.0 + ay, 2.6, 1.0), tone((52, 150, 74)))
        for _ in range(3):
            land.paint(ellipse(x, y, u(10, 182), u(98, 108), 3.0, 1.8), tone((236, 196, 132)))
    elif place == "mountains":
        for i in range(4):
            cx, h = 52.0 * i + u(-8, 28), u(34, 52)
            peak = 78.0 - h
            land.paint(polygon(x, y, [(cx - 0.95 * h, 80.0 + 0 * h), (cx + 0.95 * h, 80.0 + 0 * h), (cx + 0 * h, peak)],
                               0.8), tone((128, 124, 142) if i % 2 else (112, 110, 130)))
            land.paint(polygon(x, y, [(cx - 0.27 * h, peak + 0.29 * h), (cx + 0.27 * h, peak + 0.29 * h),
                                      (cx + 0 * h, peak)], 0.6), tone((246, 248, 252)))
        land.paint(_hill(x, y, u(75, 79), 2.0, u(90, 150), u(0, 6)), tone((140, 134, 122)))
        for _ in range(4):
            land.paint(ellipse(x, y, u(6, 186), u(97, 108), u(4, 7), 2.6), tone((112, 106, 98)))
    elif place == "castle":
        land.paint(_hill(x, y, u(66, 70), 4.0, u(130, 200), u(0, 6)), tone((96, 160, 84)))
        cx = u(60, 132)
        stone, roof = tone((186, 182, 190)), tone((176, 66, 70))
        land.paint(box(x, y, cx, 62.0, 28.0, 17.0, 0.5), stone)
        for k in range(-3, 4):
            land.paint(box(x, y, cx + 8.0 * k, 44.0, 2.4, 3.0, 0.4), stone)
        for k, h in ((-30, 46.0), (30, 46.0), (0, 58.0)):
            land.paint(box(x, y, cx + k, 79 - h / 2, 8.0, h / 2, 0.5), tone((168, 164, 174)))
            land.paint(polygon(x, y, [(cx + k - 10, 79 - h), (cx + k + 10, 79 - h), (cx + k, 62 - h)], 0.6), roof)
            land.paint(box(x, y, cx + k, 92 - h, 1.8, 3.4, 1.0),
                       (1.0, 0.86, 0.45) if time != "day" else tone((84, 84, 110)))
        land.paint(box(x, y, cx, 73.0, 5.0, 8.0, 4.5), tone((92, 66, 48)))
        land.paint(_hill(x, y, u(78, 81), 1.5, u(90, 150), u(0, 6)), tone((116, 178, 92)))
    elif place == "moon":
        tone_moon = lambda rgb: _colour(rgb, tint)  # noqa: E731
        land.paint(_hill(x, y, u(68, 74), 4.0, u(90, 150), u(0, 6)), tone_moon((150, 150, 160)))
        land.paint(_hill(x, y, u(80, 84), 1.5, u(90, 150), u(0, 6)), tone_moon((186, 186, 194)))
        for _ in range(4):
            cx, cy, r = u(8, 184), u(92, 108), u(5, 9)
            land.paint(ellipse(x, y, cx, cy, r, 2.4), tone_moon((138, 138, 148)))
            land.paint(ellipse(x, y, cx, cy + 0.7, r * 0.8, 1.5), tone_moon((162, 162, 172)))
    elif place == "deep":
        shade = {"day": 1.0, "dusk": 0.72, "night": 0.42}[time]
        dim = lambda rgb: [c * shade for c in _colour(rgb)]  # noqa: E731
        land.paint(_hill(x, y, u(94, 98), 2.5, u(90, 150), u(0, 6)), dim((196, 176, 122)))
        for i in range(5):
            cx, h = u(6, 186), u(14, 30)
            weed = dim((40, 140, 84) if i % 2 else (214, 96, 110))
            land.paint(capsule(x, y, cx, 100.0, cx + u(-4, 4), 98 - h, 2.6, 1.4), weed)
            land.paint(capsule(x, y, cx + 3, 100.0, cx + 6 + u(-2, 3), 99 - 0.7 * h, 2.2, 1.2), weed)
    return sky, land


# ---- a batch of clips ----

def _motions(scenes, seeds, frames, still_start, device, dtype):
    """One Motion for the first and, of pairs, one for the second subject (scale 0 where there is none)."""
    out = [Motion(), Motion()]
    rows = {name: ([], []) for name in Motion.__slots__}
    t = torch.arange(frames, dtype=torch.float64)
    for scene, seed in zip(scenes, seeds):
        rng = random.Random(f"motion {seed}")
        info_kind = world.PLACES[scene.place]["kind"]
        moving = 0.0 if scene.action == "stand" else 1.0
        face = -1.0 if scene.direction == "left" else 1.0
        if not scene.direction:
            face = rng.choice([-1.0, 1.0])
        base = SIZE_SCALE["big" if scene.pair else scene.size] * (0.88 if scene.subject in ("whale", "train") else 1.0)
        pace = {"walk": 1.25, "run": 2.0, "jump": 1.35, "fly": 1.7, "float": 1.1, "swim": 1.3, "sail": 1.15,
                "drive": 1.8, "stand": 0.0}[scene.action]
        speed = pace * rng.uniform(0.9, 1.2)
        half = 28.0 * base
        room = WIDTH - 1.3 * half - 8
        speed = min(speed, room / max(frames - 1, 1)) if moving else 0.0
        travel = speed * (frames - 1)
        if still_start and moving and rng.random() < 0.5:  # goes on from anywhere, out of the picture if need be
            start = rng.uniform(half * 0.8, WIDTH - half * 0.8)
        else:
            # Close to the edge it comes from: where the subject is in the first frame tells its direction, which is
            # much easier to learn from a text than the sign of a motion around the middle.
            start = 0.65 * half + 4 + rng.uniform(0, 1) * min(max(0.0, room - travel), 26.0)
        x_first = start + speed * t  # of a mover towards the right; mirrored below
        freq = {"walk": 0.30, "run": 0.50, "jump": 0.22, "fly": 0.42, "float": 0.10, "swim": 0.36, "sail": 0.14,
                "drive": 0.25, "stand": 0.16}[scene.action] * rng.uniform(0.92, 1.08)
        ground = rng.uniform(93.0, 100.0)
        for k in range(2):
            present = 1.0 if k == 0 or scene.pair else 0.0
            scale = base if k == 0 else base * 0.52
            lag = 0.0 if k == 0 else -(30.0 + 16.0) * base * 0.92
            phase = rng.uniform(0, 2 * math.pi)
            if scene.subject in ("butterfly", "bird", "fish") and k == 1:
                phase += 1.0
            step = phase + freq * t * (1.35 if k else 1.0)
            slow = 0.13 * t + rng.uniform(0, 6.28)
            y, angle = torch.full_like(t, ground + (2.0 if k else 0.0)), torch.zeros_like(t)
            gait = torch.full_like(t, {"walk": 1.0, "run": 1.5, "jump": 0.8}.get(scene.action, 0.0))
            if scene.action == "jump" and info_kind == "water":
                hop = torch.sin(step * 0.62)
                y = 86.0 - 34.0 * hop * min(1.0, 1.15 / scale)
                angle = -0.55 * torch.cos(step * 0.62)
            elif scene.action == "jump":
                hop = torch.sin(step).abs()
                y = y - 17.0 * hop * (0.7 if k else 1.0)
                angle = -0.10 * torch.cos(step) * torch.sign(torch.sin(step))
            elif scene.action in ("fly", "float"):
                high = {"air": (34, 74)}.get(info_kind, (30, 52))
                level = rng.uniform(*high) + (7.0 if k else 0.0)
                if scene.subject == "balloon":
                    level = max(level, 40.0 * base + 2)
                level = max(level, 24.0 * base + 4) if k == 0 else level
                y = level + 3.0 * torch.sin(slow)
                angle = 0.04 * torch.sin(slow) if scene.subject == "balloon" else -0.08 * torch.cos(slow)
            elif info_kind == "deep":
                y = rng.uniform(34, 70) + (8.0 if k else 0.0) + 3.5 * torch.sin(slow)
                angle = 0.10 * torch.cos(slow)
            elif info_kind == "water":
                y = {"boat": 84.0, "whale": 84.0}.get(scene.subject, 84.0 + 17.0 * scale) + 1.4 * torch.sin(slow * 1.5)
                angle = 0.05 * torch.cos(slow * 1.5)
            if scene.action == "swim" and info_kind == "water":
                gait = torch.full_like(t, 0.7)
            bob = 0.7 * torch.cos(2 * step) if scene.action in ("walk", "run") and scene.subject in GROUNDED else 0.0
            values = {"x": x_first + lag, "y": y + bob * scale, "angle": angle, "scale": torch.full_like(t, scale * present),
                      "face": torch.full_like(t, face), "step": step, "turn": (x_first + lag) / (6.0 * scale),
                      "gait": gait, "wag": torch.sin(step * 0.8 + 1.0),
                      "nod": (0.8 if scene.action != "stand" else 1.4) * torch.sin(step * (1.0 if moving else 0.8))}
            if face < 0:
                values["x"] = WIDTH - values["x"]
            for name, value in values.items():
                rows[name][k].append(value)
    for k in range(2):
        for name in Motion.__slots__:
            setattr(out[k], name, torch.stack(rows[name][k]).to(device, dtype)[:, :, None, None])
    return out


def _shades(scenes, device, dtype):
    """Colour tables of shape (B, 3) by key, tinted by the time of day."""
    keys = {}
    for key in ["body", "light", "dark", *FIXED]:
        rows = []
        for scene in scenes:
            tint = SUBJECT_TINT[scene.time]
            if scene.place == "deep" and scene.time == "day":
                tint = (0.94, 0.98, 1.0)
            base = world.COLOURS[scene.colour]
            if key == "body":
                rgb = base
            elif key == "light":
                rgb = tuple(c + (255 - c) * (0.38 if scene.colour != "black" else 0.22) for c in base)
            elif key == "dark":
                rgb = tuple(c * 0.78 for c in base)
            else:
                rgb = FIXED[key]
            rows.append(_colour(rgb, tint))
        keys[key] = torch.tensor(rows, device=device, dtype=dtype)
    return keys


def _subject_layer(draw, motion, x, y, shades):
    """The subject's premultiplied picture (B, T, 3, H, W) and alpha (B, T, 1, H, W)."""
    scale = motion.scale.clamp(min=1e-3)
    dx, dy = (x - motion.x) * motion.face / scale, (y - motion.y) / scale
    cos, sin = torch.cos(motion.angle), torch.sin(motion.angle)
    lx, ly = dx * cos + dy * sin, dy * cos - dx * sin
    parts = draw(lx, ly, motion)
    outline = None
    for d, _ in parts:
        outline = d if outline is None else torch.minimum(outline, d)
    here = (motion.scale > 0.01).to(x.dtype)
    alpha = ((0.5 - (outline * scale - 1.3)).clamp(0, 1) * here).unsqueeze(2)
    rgb = alpha * shades["ink"][:, None, :, None, None]
    for d, key in parts:
        a = ((0.5 - d * scale).clamp(0, 1) * here).unsqueeze(2)
        rgb = rgb + (shades[key][:, None, :, None, None] - rgb) * a
    return rgb, alpha


def render(scenes, seeds, frames, still_start=False, device="cpu", dtype=torch.float32, times=None):
    """Clips of scenes that share one subject: uint8 (B, T, H, W, 3) on the device.

    still_start: the clips are for continuing from their first frame, so they may start anywhere; times: only these
    frames of the clip are drawn."""
    subject = scenes[0].subject
    assert all(s.subject == subject for s in scenes)
    batch = len(scenes)
    x = torch.arange(WIDTH, device=device, dtype=dtype).view(1, 1, 1, WIDTH) + 0.5
    y = torch.arange(HEIGHT, device=device, dtype=dtype).view(1, 1, HEIGHT, 1) + 0.5
    motions = _motions(scenes, seeds, frames, still_start, device, dtype)
    shades = _shades(scenes, device, dtype)
    t = torch.arange(frames, device=device, dtype=dtype).view(1, frames, 1, 1)
    if times is not None:
        t = t[:, times]
        for motion in motions:
            for name in Motion.__slots__:
                setattr(motion, name, getattr(motion, name)[:, times])

    sky = torch.empty(batch, 3, HEIGHT, WIDTH, device=device, dtype=dtype)
    land, cover = torch.empty_like(sky), torch.empty(batch, 1, HEIGHT, WIDTH, device=device, dtype=dtype)
    groups = {}
    for i, scene in enumerate(scenes):
        groups.setdefault((scene.place, scene.time), []).append(i)
    for (place, time), rows in groups.items():
        rngs = [random.Random(f"place {seeds[i]}") for i in rows]

        def u(low, high, rngs=rngs):
            return torch.tensor([r.uniform(low, high) for r in rngs], device=device, dtype=dtype).view(-1, 1, 1, 1)

        below, above = _background(place, time, len(rows), u, x, y)
        index = torch.tensor(rows, device=device)
        sky[index], land[index], cover[index] = below.rgb, above.rgb, above.cover

    # clouds drift on the sky, bubbles rise in the deep
    def per_clip(function):
        return torch.tensor([function(s, random.Random(f"{seed} air")) for s, seed in zip(scenes, seeds)],
                            device=device, dtype=dtype)

    cloudy = per_clip(lambda s, r: float(s.place not in ("deep", "moon"))).view(-1, 1, 1, 1)
    numbers = per_clip(lambda s, r: [r.random() for _ in range(12)])
    n = lambda k, low, high: (low + (high - low) * numbers[:, k]).view(-1, 1, 1, 1)  # noqa: E731
    cloud = None
    low_sky = per_clip(lambda s, r: float(s.place == "sky")).view(-1, 1, 1, 1)
    for k, (lo, hi) in enumerate(((0, 60), (70, 120), (130, 190))):
        cx = n(3 * k, lo, hi) + n(3 * k + 1, -0.12, 0.12) * t
        cy = n(3 * k + 2, 10, 30) + low_sky * (14.0 + 24.0 * k)
        grow = 1.0 + 0.5 * low_sky
        for ox, oy, rx, ry in ((0, 0, 13, 4.2), (-4, -3, 6, 4.6), (5, -2.5, 5.5, 4)):
            d = ellipse(x, y, cx + ox * grow, cy + oy * grow, rx * grow, ry * grow)
            cloud = d if cloud is None else torch.minimum(cloud, d)
    tint = {"day": (1.0, 1.0, 1.0), "dusk": (1.0, 0.76, 0.70), "night": (0.30, 0.33, 0.50)}
    shade = per_clip(lambda s, r: tint[s.time]).view(batch, 1, 3, 1, 1)
    alpha = ((0.5 - cloud / 1.5).clamp(0, 1) * cloudy).unsqueeze(2) * 0.9
    frame = sky[:, None] + (shade - sky[:, None]) * alpha
    if any(s.place == "deep" for s in scenes):
        deep = per_clip(lambda s, r: float(s.place == "deep")).view(-1, 1, 1, 1)
        bubbles = None
        for k in range(3):
            rise = torch.remainder(n(k, 0, 110) - 0.9 * t, 120.0) - 6
            d = circle(x, y, n(k + 3, 10, 182) + 2 * torch.sin(0.15 * t + 2.0 * k), rise, 2.6)
            bubbles = d if bubbles is None else torch.minimum(bubbles, d)
        frame = frame + (0.8 - frame) * ((0.5 - bubbles).clamp(0, 1) * deep * 0.6).unsqueeze(2)
    frame = frame + (land[:, None] - frame) * cover[:, None]

    draw = DRAW[subject]
    order = (1, 0) if any(s.pair for s in scenes) else (0,)
    for k in order:
        rgb, alpha = _subject_layer(draw, motions[k], x, y, shades)
        frame = frame * (1 - alpha) + rgb

    water = [i for i, s in enumerate(scenes) if s.place == "sea"]
    if water:
        index = torch.tensor(water, device=device)
        part = frame[index]
        tints = torch.tensor([LAND_TINT[scenes[i].time] for i in water], device=device, dtype=dtype)
        tints = tints.view(-1, 1, 3, 1, 1)
        w = numbers[index]
        for k, (base, amp, wave, speed, rgb) in enumerate((
                (84.0, 1.4, 7.0, 0.16, (40, 106, 188)), (94.0, 1.6, 9.0, -0.12, (32, 92, 172)),
                (104.0, 1.8, 11.0, 0.10, (26, 78, 154)))):
            line = base + amp * torch.sin(x / wave + speed * t + 6.28 * w[:, k].view(-1, 1, 1, 1))
            a = (0.5 + (y - line)).clamp(0, 1).unsqueeze(2)
            colour = torch.tensor(rgb, device=device, dtype=dtype).view(1, 1, 3, 1, 1) / 255.0 * tints
            foam = (0.5 - ((y - line).abs() - 0.5)).clamp(0, 1).unsqueeze(2) * 0.45
            part = part + (colour - part) * a
            part = part + (tints - part) * foam
        frame[index] = part
    return (frame.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 1, 3, 4, 2)
