// Places: fields and maps.
import type { Words } from '../language.svelte';

export const places: Words['places'] = {
  from: 'From',
  to: 'To',
  placeholder: 'Town, village, car park…',
  swap: 'Swap from and to',
  ownPosition: (field) => `${field}: my position`,
  onMap: (field) => `${field}: choose on the map`,
  near: (name) => `Near ${name}`,
  carpool: 'Carpool car park',
  suggested: (count) => (count === 1 ? '1 place suggested' : `${count} places suggested`),
  none: 'No place of that name. Check the spelling, or choose on the map.',
  failed: 'Places cannot be looked up. Choose on the map, or try again.',
  cannotLocate: 'Your position could not be read. Allow it in your browser, or type a place.',
  point: (lat, lon) => `${lat}; ${lon}`,
};

export const map: Words['map'] = {
  label: 'Map',
  failed: 'The map could not be loaded.',
  howToPick: 'Touch the spot. By keyboard: arrows move, + and − zoom, Enter takes the middle.',
  pick: 'Choose this place',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  here: 'Take the middle of the map',
  show: 'Show on the map',
  hide: 'Hide the map',
  route: (stops) => `Map of the ride: ${stops}`,
  attribution: 'Natural Earth, GeoNames',
};

export const sources: Words['sources'] = {
  link: 'Where places and the map come from',
  title: 'Where the data come from',
  text: 'Places and the map come from open data. Thanks to those who look after them.',
  licence: (name) => `Licence: ${name}`,
  usedFor: {
    towns: 'Towns: names, coordinates, population.',
    communes: 'French communes: official names, départements, postcodes, population.',
    carpool_places: 'Carpool car parks of France.',
  },
  map: 'Outlines of the map',
  mapText: 'Natural Earth, public domain. Towns: GeoNames.',
};
