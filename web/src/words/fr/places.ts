// Les lieux : champs et cartes.
export const places = {
  from: 'Départ',
  to: 'Arrivée',
  placeholder: 'Ville, village, aire…',
  swap: 'Échanger départ et arrivée',
  ownPosition: (field: string) => `${field} : ma position`,
  onMap: (field: string) => `${field} : choisir sur la carte`,
  near: (name: string) => `Près de ${name}`,
  carpool: 'Aire de covoiturage',
  suggested: (count: number) => (count === 1 ? '1 lieu proposé' : `${count} lieux proposés`),
  none: 'Aucun lieu de ce nom. Vérifiez l’orthographe, ou choisissez sur la carte.',
  failed: 'La recherche de lieux ne répond pas. Choisissez sur la carte, ou réessayez.',
  cannotLocate: 'Votre position n’a pas pu être lue. Autorisez-la dans le navigateur, ou tapez un lieu.',
  point: (lat: string, lon: string) => `${lat} ; ${lon}`,
};

export const map = {
  label: 'Carte',
  failed: 'La carte n’a pas pu être chargée.',
  howToPick:
    'Touchez l’endroit voulu. Au clavier : flèches pour déplacer, + et − pour zoomer, Entrée pour placer au centre.',
  pick: 'Choisir ce lieu',
  zoomIn: 'Agrandir',
  zoomOut: 'Réduire',
  here: 'Placer au centre de la carte',
  show: 'Voir sur la carte',
  hide: 'Masquer la carte',
  route: (stops: string) => `Carte du trajet : ${stops}`,
  attribution: 'Natural Earth, GeoNames',
};

export const sources = {
  link: 'Sources des lieux et de la carte',
  title: 'Sources des données',
  text: 'Les lieux et la carte viennent de données ouvertes. Merci à celles et ceux qui les tiennent à jour.',
  licence: (name: string) => `Licence : ${name}`,
  usedFor: {
    towns: 'Villes : noms, coordonnées, population.',
    communes: 'Communes françaises : noms officiels, départements, codes postaux, population.',
    carpool_places: 'Aires de covoiturage de France.',
  },
  map: 'Contours de la carte',
  mapText: 'Natural Earth, domaine public. Villes : GeoNames.',
};
