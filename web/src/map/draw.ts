// Draws a plain map on a canvas: land and borders, names of towns, and on top what the map is about.
import type { Basemap, Ring } from './basemap';
import { fromPixels, project, toPixels } from './projection';
import type { Size, Spot, View } from './projection';
import type { MapProps, Marker } from './props';

/** The colours of the page. */
export interface Palette {
  sea: string;
  land: string;
  border: string;
  town: string;
  ink: string;
  way: string;
  wish: string;
  font: string;
}

/** How many names of towns are drawn at most. */
const NAMES_MAX = 40;
/** How many towns are looked at for that; those beyond are smaller. */
const TOWNS_TRIED_MAX = 400;
/** Room beside a name, in pixels. */
const GAP = 8;
/** Half the height that a name takes, in pixels. */
const HALF_LINE = 10;

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Draws everything. */
export function draw(
  context: CanvasRenderingContext2D,
  size: Size,
  view: View,
  basemap: Basemap | undefined,
  what: Pick<MapProps, 'route' | 'markers' | 'picked'>,
  palette: Palette,
): void {
  context.fillStyle = palette.sea;
  context.fillRect(0, 0, size.width, size.height);
  if (basemap) drawLand(context, size, view, basemap.rings, palette);
  const taken: Box[] = [];
  const route = what.route ?? [];
  drawWay(context, size, view, route, palette);
  for (const marker of [...route, ...(what.markers ?? [])]) drawMarker(context, size, view, marker, palette, taken);
  if (what.picked) drawPin(context, toPixels(view, size, project(what.picked)), palette);
  if (basemap) drawTowns(context, size, view, basemap, palette, taken);
}

function drawLand(
  context: CanvasRenderingContext2D,
  size: Size,
  view: View,
  rings: readonly Ring[],
  palette: Palette,
): void {
  const from = fromPixels(view, size, { x: 0, y: 0 });
  const to = fromPixels(view, size, { x: size.width, y: size.height });
  context.beginPath();
  for (const ring of rings) {
    if (ring.east < from.x || ring.west > to.x || ring.south < from.y || ring.north > to.y) continue;
    for (let at = 0; at < ring.spots.length; at += 2) {
      const x = ((ring.spots[at] ?? 0) - view.x) * view.scale + size.width / 2;
      const y = ((ring.spots[at + 1] ?? 0) - view.y) * view.scale + size.height / 2;
      if (at === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.closePath();
  }
  context.fillStyle = palette.land;
  context.fill('nonzero');
  context.strokeStyle = palette.border;
  context.lineWidth = 1;
  context.lineJoin = 'round';
  context.stroke();
}

function drawWay(
  context: CanvasRenderingContext2D,
  size: Size,
  view: View,
  route: readonly Marker[],
  palette: Palette,
): void {
  if (route.length < 2) return;
  context.beginPath();
  for (const [at, stop] of route.entries()) {
    const { x, y } = toPixels(view, size, project(stop));
    if (at === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.strokeStyle = palette.way;
  context.lineWidth = 4;
  context.lineCap = context.lineJoin = 'round';
  context.stroke();
}

function drawMarker(
  context: CanvasRenderingContext2D,
  size: Size,
  view: View,
  marker: Marker,
  palette: Palette,
  taken: Box[],
): void {
  const spot = toPixels(view, size, project(marker));
  const colour = marker.kind === 'wish' ? palette.wish : palette.way;
  disc(context, spot, marker.kind === 'stop' ? 5 : 7, palette.land, colour, 3);
  if (marker.name)
    name(context, size, marker.name, spot, `650 13px ${palette.font}`, palette.ink, palette, taken, true);
}

function drawTowns(
  context: CanvasRenderingContext2D,
  size: Size,
  view: View,
  basemap: Basemap,
  palette: Palette,
  taken: Box[],
): void {
  let [tried, drawn] = [0, 0];
  for (const town of basemap.towns) {
    const spot = toPixels(view, size, town);
    if (spot.x < 0 || spot.x > size.width || spot.y < 0 || spot.y > size.height) continue;
    tried += 1;
    if (tried > TOWNS_TRIED_MAX || drawn >= NAMES_MAX) return;
    const fits = name(context, size, town.name, spot, `12px ${palette.font}`, palette.town, palette, taken, false);
    if (!fits) continue;
    drawn += 1;
    disc(context, spot, 2, palette.town, palette.land, 1);
  }
}

/** Writes a name beside a spot, where there is room; `always` writes it in any case. Answers whether it did. */
function name(
  context: CanvasRenderingContext2D,
  size: Size,
  text: string,
  spot: Spot,
  font: string,
  colour: string,
  palette: Palette,
  taken: Box[],
  always: boolean,
): boolean {
  context.font = font;
  const width = context.measureText(text).width;
  const offset = always ? 11 : 5;
  const right = { x: spot.x + offset, y: spot.y };
  const left = { x: spot.x - offset - width, y: spot.y };
  const above = { x: spot.x - width / 2, y: spot.y - 2 * offset };
  const below = { x: spot.x - width / 2, y: spot.y + 2 * offset };
  const places = always ? [right, left, above, below] : [right, left];
  const free = places.find((at) => isWithin(boxOf(at, width), size) && !isTaken(boxOf(at, width), taken));
  if (!free && !always) return false;
  const at = free ?? right;
  taken.push(boxOf(at, width));
  context.textBaseline = 'middle';
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = palette.land;
  context.strokeText(text, at.x, at.y);
  context.fillStyle = colour;
  context.fillText(text, at.x, at.y);
  return true;
}

function boxOf(at: Spot, width: number): Box {
  return { left: at.x - GAP / 2, top: at.y - HALF_LINE, right: at.x + width + GAP / 2, bottom: at.y + HALF_LINE };
}

function isWithin(box: Box, size: Size): boolean {
  return box.left >= 0 && box.top >= 0 && box.right <= size.width && box.bottom <= size.height;
}

function isTaken(box: Box, taken: readonly Box[]): boolean {
  return taken.some(
    (other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top,
  );
}

function drawPin(context: CanvasRenderingContext2D, { x, y }: Spot, palette: Palette): void {
  context.beginPath();
  context.moveTo(x, y);
  context.bezierCurveTo(x - 4, y - 8, x - 12, y - 12, x - 12, y - 21);
  context.arc(x, y - 21, 12, Math.PI, 0);
  context.bezierCurveTo(x + 12, y - 12, x + 4, y - 8, x, y);
  context.fillStyle = palette.wish;
  context.fill();
  context.strokeStyle = palette.land;
  context.lineWidth = 2;
  context.stroke();
  disc(context, { x, y: y - 21 }, 4, palette.land, palette.land, 1);
}

function disc(
  context: CanvasRenderingContext2D,
  { x, y }: Spot,
  radius: number,
  fill: string,
  line: string,
  width: number,
): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.strokeStyle = line;
  context.lineWidth = width;
  context.stroke();
}
