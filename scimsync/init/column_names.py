"""Common column names in HR files, in English, German, French, Spanish, Italian and Dutch.

They are written as `normal` returns them: lower case, no accents, letters and digits only. Better
names come first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

_KEYS = """
    employeeid employeenumber employeeno employeenr employeecode empid empno empnumber personnelid
    personnelnumber personnelno personnelnr staffid staffno staffnumber workerid workernumber
    personid personnumber payrollnumber payrollid hrid associateid personalnummer personalnr persnr
    mitarbeiternummer mitarbeiternr mitarbeiterid matricule numeroemploye idemploye numeroempleado
    idempleado legajo matricola iddipendente personeelsnummer medewerkernummer studentid
    studentnumber matrikelnummer memberid externalid id uid userid guid uuid objectguid objectid
    accountid sid number no nr num key code
"""
_ROLES = {
    "email": (
        """email emailaddress mail mailaddress mailadresse emailadresse workemail businessemail
        courriel adressemail adressemel correo correoelectronico indirizzoemail posta emailadres"""
    ),
    "login": (
        """username userprincipalname upn login loginname samaccountname benutzername identifiant
        nomutilisateur nombreusuario nomeutente gebruikersnaam"""
    ),
    "given": (
        """givenname given firstname first forename vorname prenom nombre nome voornaam fname
        preferredfirstname"""
    ),
    "family": (
        """familyname family lastname last surname sn nachname familienname nom nomdefamille
        apellido apellidos cognome achternaam lname"""
    ),
    "display": (
        """displayname fullname name completename anzeigename vollername nomcomplet nombrecompleto
        nomecompleto volledigenaam cn"""
    ),
    "department": (
        """department dept departmentname abteilung departement service departamento dipartimento
        reparto afdeling orgunit organisationseinheit team"""
    ),
    "division": "division businessunit bereich sparte unidad divisione divisie",
    "company": (
        "company organization organisation companyname firma entreprise societe empresa azienda"
        " bedrijf"
    ),
    "cost_center": (
        "costcenter costcentre kostenstelle centredecout centrodecoste centrodecosto kostenplaats"
    ),
    "title": (
        """title jobtitle position jobname positiontitle berufsbezeichnung stelle stellenbezeichnung
        funktion poste fonction intitule puesto cargo mansione functie functietitel"""
    ),
    "manager": (
        """managerid manageremployeeid managernumber managerno manager managerkey linemanager
        linemanagerid supervisor supervisorid reportsto reportstoid bossid vorgesetzter
        vorgesetzterid vorgesetztennummer vorgesetzte fuehrungskraft fuhrungskraft superieur
        responsable responsableid managermatricule jefe jefeid responsabile leidinggevende
        manageremail"""
    ),
    "phone": (
        """phone phonenumber workphone telephone telephonenumber tel telefon telefonnummer telefono
        telefoon businessphone officephone"""
    ),
    "mobile": (
        "mobile mobilephone mobilenumber cell cellphone handy mobil mobiltelefon portable movil"
        " cellulare mobiel"
    ),
    "status": (
        """status employmentstatus employeestatus accountstatus active isactive enabled isenabled
        aktiv statut actif estado activo stato attivo actief"""
    ),
    "start": (
        """startdate hiredate hiredon dateofhire datehired joindate joiningdate dateofjoining
        entrydate start startson eintritt eintrittsdatum dateentree datedentree dateembauche
        fechaalta fechaingreso datainizio dataassunzione datumindienst"""
    ),
    "end": (
        """enddate terminationdate lastday lastworkingday leavedate leavingdate exitdate end endson
        austritt austrittsdatum datesortie datedesortie fechabaja datafine datumuitdienst"""
    ),
    "language": "language preferredlanguage lang sprache langue idioma lingua taal",
    "timezone": "timezone tz zeitzone fuseauhoraire zonahoraria fusoorario tijdzone",
    "city": "city town stadt ort ville ciudad citta plaats stad",
    "country": "country countrycode land pays pais paese",
    "user_type": "usertype employeetype employmenttype workertype contracttype mitarbeitertyp",
}
_LISTS = """
    groups groupnames roles role teams tags skills permissions entitlements licenses licences
    memberships apps applications gruppen rollen groupes equipes grupos gruppi ruoli groepen"""
_ACTIVE = """
    active a aktiv actif activo activa attivo actief enabled employed current working yes y true 1
    ja j oui si"""

KEY_NAMES: Sequence[str] = _KEYS.split()
"""Columns that identify a record."""

ROLE_NAMES: Mapping[str, Sequence[str]] = {role: names.split() for role, names in _ROLES.items()}
"""What a column may hold -> the names of columns that usually hold it."""

LIST_NAMES = frozenset(_LISTS.split())
"""Columns that usually hold several values, so that a comma is a separator in them too."""

ACTIVE_VALUES = frozenset(_ACTIVE.split())
"""Values of a status column that mean "works here"."""


def normal(name: str) -> str:
    """Return a name in the form of this module: `Employé n°` becomes `employen`."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in decomposed if char.isalnum())
