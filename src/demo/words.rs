//! What the made-up people of a demo are called and write. In French, as its rides are.

/// First names.
pub const FIRST_NAMES: [&str; 48] = [
    "Adèle",
    "Alexis",
    "Alice",
    "Amandine",
    "Antoine",
    "Aïcha",
    "Baptiste",
    "Bruno",
    "Catherine",
    "Clément",
    "Coralie",
    "Damien",
    "David",
    "Delphine",
    "Élodie",
    "Étienne",
    "Fabien",
    "Fatou",
    "Florence",
    "Gaëlle",
    "Guillaume",
    "Hélène",
    "Ibrahim",
    "Isabelle",
    "Jérôme",
    "Julie",
    "Karim",
    "Laura",
    "Léa",
    "Lucas",
    "Manon",
    "Marc",
    "Marion",
    "Mathieu",
    "Mehdi",
    "Nathalie",
    "Nicolas",
    "Océane",
    "Olivier",
    "Pauline",
    "Quentin",
    "Rachid",
    "Romain",
    "Sabrina",
    "Sébastien",
    "Sylvie",
    "Théo",
    "Valérie",
];

/// The letters that last names begin with.
pub const INITIALS: &[u8] = b"ABCDEFGHJKLMNPRSTV";

/// What drivers write beside a way to work.
pub const DAILY_REMARKS: [&str; 10] = [
    "Je fais ce trajet tous les jours, départ à l'heure.",
    "Merci d'être là cinq minutes avant.",
    "Radio le matin, discussion bienvenue.",
    "Trajet calme, je me réveille doucement.",
    "Je peux déposer à l'arrêt de tram.",
    "Retour possible le soir, on s'arrange par message.",
    "Place pour un vélo pliant dans le coffre.",
    "Je prends l'autoroute, péage compris dans le prix.",
    "Petit détour possible dans la zone d'activités.",
    "Non-fumeur, merci.",
];

/// What drivers write beside a longer way.
pub const LONG_REMARKS: [&str; 10] = [
    "Une pause café à mi-chemin.",
    "Coffre vide, grosses valises bienvenues.",
    "Un sac par personne, le coffre est déjà bien rempli.",
    "Chien calme à bord, j'espère que vous aimez les bêtes.",
    "Je peux m'arrêter près de la gare.",
    "Voiture électrique : une recharge de vingt minutes en route.",
    "Départ ponctuel, je dois arriver avant le dîner.",
    "Musique de toutes sortes, propositions acceptées.",
    "Je rentre pour le week-end, ambiance détendue.",
    "Chaînes dans le coffre en cas de neige.",
];

/// What passengers write beside a request.
pub const WISHES: [&str; 6] = [
    "Je peux rejoindre un parking de covoiturage à vélo.",
    "Un petit sac à dos seulement.",
    "Flexible d'une demi-heure dans les deux sens.",
    "Je vais à un rendez-vous, j'aimerais arriver à l'heure.",
    "Deux étudiants, peu de bagages.",
    "Je participe volontiers au péage.",
];

/// Cars.
pub const VEHICLES: [&str; 12] = [
    "Renault Clio grise",
    "Peugeot 208 blanche",
    "Citroën C3 rouge",
    "Dacia Duster vert",
    "Renault Zoé bleue",
    "Toyota Yaris hybride grise",
    "Peugeot 308 break noire",
    "Volkswagen Golf bleue",
    "Renault Mégane E-Tech blanche",
    "Skoda Octavia break grise",
    "Citroën Berlingo beige",
    "Fiat 500 jaune",
];

/// Where one meets in a town that has no carpool place.
pub const MEETING_POINTS: [&str; 5] =
    ["Gare", "Mairie", "Place du marché", "Arrêt de bus du centre", "Office de tourisme"];
