"""`scimsync init` drafts a working sync.toml for the exports of common products.

The columns are those of the products; the people are made up. In each file, Ada and Bo work here,
Cy has left, and Di starts in the future where the format can say so.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.office import Office

ADA, BO = "ada@example.com", "bo@example.com"


@dataclass(frozen=True)
class Format:
    """An export: its text, and what `init` must make of it.

    `users` are the userNames of the accounts that a push would create. `told` are parts of the
    notes on the screen.
    """

    text: str
    key: str
    scope: str | None
    user_name: str
    users: tuple[str, ...] = (ADA, BO)
    display: str | None = None
    manager: str | None = None
    encoding: str = "utf-8"
    told: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)


FORMATS = {
    "BambooHR": Format(
        "Employee #,First Name,Last Name,Hire Date,Termination Date,Job Title,Department,Work Email"
        ",Home Email,Reporting to,Status\n"
        "101,Ada,Adler,2020-02-01,,Engineer,IT,ada@example.com,a@example.org,Bo Berg,Active\n"
        "102,Bo,Berg,2021-03-01,,Clerk,HR,bo@example.com,b@example.org,,Active\n"
        "103,Cy,Cole,2019-01-01,2024-01-31,Clerk,HR,cy@example.com,c@example.org,,Inactive\n",
        key="Employee #",
        scope="Status == 'Active' and col['Hire Date'] | date <= today",
        user_name="col['Work Email'] | lower",
        display="(col['First Name'] ~ ' ' ~ col['Last Name']) | trim",
        told=("The manager is not mapped, because col['Reporting to'] holds names of users",),
    ),
    "BambooHR, employment status": Format(
        "Employee Number,Name,Work Email,Employment Status\n"
        "101,Ada Adler,ada@example.com,Full-Time\n"
        "102,Bo Berg,bo@example.com,Part-Time\n"
        "103,Cy Cole,cy@example.com,Terminated\n",
        key="Employee Number",
        scope="col['Employment Status'] in ['Full-Time', 'Part-Time']",
        user_name="col['Work Email'] | lower",
        display="Name",
        told=("'Full-Time', 'Part-Time' were treated as active",),
    ),
    "Workday": Format(
        "Employee_ID,Worker,Legal_First_Name,Legal_Last_Name,Email_-_Primary_Work,Active_Status"
        ",Hire_Date,Manager_ID,Business_Title,Supervisory_Organization\n"
        "000101,Ada Adler,Ada,Adler,ada@example.com,1,2020-02-01-08:00,000102,Engineer,IT\n"
        "000102,Bo Berg (On Leave),Bo,Berg,bo@example.com,1,2021-03-01-08:00,,Clerk,HR\n"
        "000103,Cy Cole (Terminated),Cy,Cole,cy@example.com,0,2019-01-01-08:00,000102,Clerk,HR\n"
        "000104,Di Dorn,Di,Dorn,di@example.com,1,2031-01-01-08:00,000102,Clerk,HR\n",
        key="Employee_ID",
        scope="Active_Status == '1' and Hire_Date | date <= today",
        user_name="col['Email_-_Primary_Work'] | lower",
        display="(Legal_First_Name ~ ' ' ~ Legal_Last_Name) | trim",
        manager="ref(Manager_ID)",
    ),
    "Personio, German": Format(
        "Personalnummer;Vorname;Nachname;E-Mail;Status;Hire date;Eintrittsdatum;Vertragsende"
        ";Vorgesetzter;Abteilung;Position\r\n"
        "0101;Ada;Ädler;ada@example.com;Aktiv;;01.02.2020;;;Köln;Ärztin\r\n"
        "0102;Bo;Berg;bo@example.com;Aktiv;;01.03.2021;31.12.2035;0101;Köln;Arzt\r\n"
        "0103;Cy;Cole;cy@example.com;Inaktiv;;01.01.2019;31.01.2024;0101;Köln;Arzt\r\n"
        "0104;Di;Dorn;di@example.com;Onboarding;;01.01.2031;;0101;Köln;Arzt\r\n",
        key="Personalnummer",
        scope="Status == 'Aktiv' and Eintrittsdatum | date <= today",
        user_name="col['E-Mail'] | lower",
        display="(Vorname ~ ' ' ~ Nachname) | trim",
        manager="ref(Vorgesetzter)",
        encoding="windows-1252",
        source={"encoding": "windows-1252"},
        told=("users with 'Onboarding' are out of scope",),
    ),
    "HiBob": Format(
        "Employee ID,Display name,Email,Lifecycle status,Status,Start date,Termination date"
        ",Reports to,Site\n"
        "1001,Ada Adler,ada@example.com,Employed,Active,25/02/2020,,,Berlin\n"
        "1002,Bo Berg,bo@example.com,Employed,Active,01/03/2021,,Ada Adler,Berlin\n"
        "1003,Cy Cole,cy@example.com,Terminated,Inactive,01/01/2019,31/01/2024,Ada Adler,Berlin\n"
        "1004,Di Dorn,di@example.com,Hired,Inactive,01/01/2031,,Ada Adler,Berlin\n"
        "1005,Ed Ende,ed@example.com,Garden leave,Active,01/01/2019,31/01/2024,Ada Adler,Berlin\n",
        key="Employee ID",
        scope="col['Lifecycle status'] == 'Employed'"
        " and col['Start date'] | date('%d/%m/%Y') <= today",
        user_name="Email | lower",
        display="col['Display name']",
        told=("users with 'Hired', 'Garden leave' are out of scope",),
    ),
    "Rippling": Format(
        '"Employee ID","Full name","Work email","Personal email","Employment status","Start date"'
        ',"End date","Manager","Department"\n'
        '"a1","Ada Adler","ada@example.com","a@example.org","ACTIVE","02/25/2020","","","IT"\n'
        '"b2","Bo Berg","bo@example.com","b@example.org","ACTIVE","03/01/2021","","Ada","IT"\n'
        '"c3","Cy Cole","cy@example.com","c@example.org","TERMINATED","01/01/2019","01/31/2024"'
        ',"","IT"\n'
        '"d4","Di Dorn","di@example.com","d@example.org","ACCEPTED","01/01/2031","","","IT"\n',
        key="Employee ID",
        scope="col['Employment status'] == 'ACTIVE'"
        " and col['Start date'] | date('%m/%d/%Y') <= today",
        user_name="col['Work email'] | lower",
        display="col['Full name']",
        told=("users with 'ACCEPTED' are out of scope",),
    ),
    "Gusto": Format(
        "First name,Last name,Work email,Personal email,Employment status,Status,Hire date"
        ",Last day of work,Department\n"
        "Ada,Adler,ada@example.com,a@example.org,Full time,Active,2/25/2020,,IT\n"
        "Bo,Berg,bo@example.com,b@example.org,Part time,Active,3/1/2021,,IT\n"
        "Cy,Cole,cy@example.com,c@example.org,Full time,Terminated,1/1/2019,1/31/2024,IT\n",
        key="Work email",
        scope="Status == 'Active' and col['Hire date'] | date('%m/%d/%Y') <= today",
        user_name="col['Work email'] | lower",
        told=("The key is col['Work email'], because no number identifies each user.",),
    ),
    "ADP": Format(
        "Associate ID,Position ID,Payroll Name,First Name,Last Name,Position Status,Hire Date"
        ",Termination Date,Job Title Description,Home Department Description"
        ",Reports To Associate ID,Work Contact: Work Email,Personal Contact: Personal Email\n"
        'A01,XY1,"Adler, Ada",Ada,Adler,Active,02/25/2020,,Engineer,IT,A02,ada@example.com,a@x.y\n'
        'A02,XY2,"Berg, Bo",Bo,Berg,Active,03/01/2021,,Clerk,HR,,bo@example.com,b@x.y\n'
        'A03,XY3,"Cole, Cy",Cy,Cole,Terminated,01/01/2019,01/31/2024,Clerk,HR,A02,,c@x.y\n'
        'A04,XY4,"Falk, Flo",Flo,Falk,Leave,01/01/2019,,Clerk,HR,A02,flo@example.com,f@x.y\n',
        key="Associate ID",
        scope="col['Position Status'] == 'Active' and col['Hire Date'] | date('%m/%d/%Y') <= today",
        user_name="col['Work Contact: Work Email'] | lower",
        display="(col['First Name'] ~ ' ' ~ col['Last Name']) | trim",
        manager="ref(col['Reports To Associate ID'])",
        told=("users with 'Leave' are out of scope",),
    ),
    "Paylocity": Format(
        "Employee Id,Last Name,First Name,Employee Status,Hire Date,Term Date,Work Email"
        ",Supervisor ID,Cost Center 1\n"
        "101,Adler,Ada,A,02/25/2020,,ada@example.com,102,IT\n"
        "102,Berg,Bo,A,03/01/2021,,bo@example.com,,HR\n"
        "103,Cole,Cy,T,01/01/2019,01/31/2024,cy@example.com,102,HR\n",
        key="Employee Id",
        scope="col['Employee Status'] == 'A' and col['Hire Date'] | date('%m/%d/%Y') <= today",
        user_name="col['Work Email'] | lower",
        manager="ref(col['Supervisor ID'])",
    ),
    "UKG Pro": Format(
        "Employee Number,First Name,Last Name,Primary Email,Employment Status Code"
        ",Employment Status,Last Hire Date,Date of Termination,Supervisor Employee Number,SSN\n"
        "000101,Ada,Adler,ada@example.com,A,Active,2020-02-01T00:00:00,,000102,000-00-0001\n"
        "000102,Bo,Berg,bo@example.com,A,Active,2021-03-01T00:00:00,,,000-00-0002\n"
        "000103,Cy,Cole,cy@example.com,T,Terminated,2019-01-01T00:00:00,2024-01-31T00:00:00,000102"
        ",000-00-0003\n",
        key="Employee Number",
        scope="col['Employment Status'] == 'Active' and col['Last Hire Date'] | date <= today",
        user_name="col['Primary Email'] | lower",
        manager="ref(col['Supervisor Employee Number'])",
    ),
    "UKG Ready": Format(
        "Employee Id,Username,First Name,Last Name,Primary Email,Employee Status,Date Hired"
        ",Default Department,Manager 1 Employee Id\n"
        "101,aadler,Ada,Adler,ada@example.com,Active,02/25/2020,IT,102\n"
        "102,bberg,Bo,Berg,bo@example.com,Active,03/01/2021,HR,\n"
        "103,ccole,Cy,Cole,,Terminated,01/01/2019,HR,102\n",
        key="Employee Id",
        scope="col['Employee Status'] == 'Active'"
        " and col['Date Hired'] | date('%m/%d/%Y') <= today",
        user_name="Username",
        users=("aadler", "bberg"),
        manager="ref(col['Manager 1 Employee Id'])",
    ),
    "Namely": Format(
        "GUID,Email,First name,Last name,Job title,User status,Start date,Departure date"
        ",Reports to\n"
        "8f1c-01,ada@example.com,Ada,Adler,Engineer,active,2020-02-01,,8f1c-02\n"
        "8f1c-02,bo@example.com,Bo,Berg,Clerk,active,2021-03-01,,\n"
        "8f1c-03,cy@example.com,Cy,Cole,Clerk,inactive,2019-01-01,2024-01-31,8f1c-02\n",
        key="GUID",
        scope="col['User status'] == 'active' and col['Start date'] | date <= today",
        user_name="Email | lower",
        manager="ref(col['Reports to'])",
    ),
    "Factorial, Spanish": Format(
        "Identificador;Nombre;Apellidos;Correo electrónico;Estado;Fecha de alta;Fecha de baja"
        ";Puesto;Departamento;Responsable\n"
        "101;Ada;Ávila Ruiz;ada@example.com;Activo;25/02/2020;;Técnica;TI;102\n"
        "102;Bo;Núñez;bo@example.com;Activo;01/03/2021;;Técnico;TI;\n"
        "103;Cy;Cano;cy@example.com;Baja;01/01/2019;31/01/2024;Técnico;TI;102\n",
        key="Identificador",
        scope="Estado == 'Activo' and col['Fecha de alta'] | date('%d/%m/%Y') <= today",
        user_name="col['Correo electrónico'] | lower",
        display="(Nombre ~ ' ' ~ Apellidos) | trim",
        manager="ref(Responsable)",
        encoding="utf-8-sig",
    ),
    "Lucca, French": Format(
        "Matricule;Nom;Prénom;E-mail professionnel;Date d'entrée;Date de sortie;Département"
        ";Intitulé du poste\n"
        "101;Âdler;Ada;ada@example.com;25/02/2020;;Études;Ingénieure\n"
        "102;Berg;Bo;bo@example.com;01/03/2021;31/12/2035;Études;Ingénieur\n"
        "103;Cole;Cy;cy@example.com;01/01/2019;31/01/2024;Études;Ingénieur\n"
        "104;Dorn;Di;di@example.com;01/01/2031;;Études;Ingénieure\n",
        key="Matricule",
        scope="(col['Date de sortie'] == '' or col['Date de sortie'] | date('%d/%m/%Y') >= today)"
        " and col['Date d\\'entrée'] | date('%d/%m/%Y') <= today",
        user_name="col['E-mail professionnel'] | lower",
        display="(col['Prénom'] ~ ' ' ~ Nom) | trim",
        encoding="utf-16",
    ),
    "SuccessFactors": Format(
        "STATUS,USERID,USERNAME,FIRSTNAME,LASTNAME,EMAIL,MANAGER,DEPARTMENT,HIREDATE,TIMEZONE\n"
        "active,101,aadler,Ada,Adler,ada@example.com,102,IT,02/25/2020,Europe/Berlin\n"
        "active,102,bberg,Bo,Berg,bo@example.com,NO_MANAGER,HR,03/01/2021,Europe/Berlin\n"
        "inactive,103,ccole,Cy,Cole,cy@example.com,102,HR,01/01/2019,Europe/Berlin\n",
        key="USERID",
        scope="STATUS == 'active' and HIREDATE | date('%m/%d/%Y') <= today",
        user_name="USERNAME",
        users=("aadler", "bberg"),
        manager="ref(MANAGER)",
    ),
    "DATEV": Format(
        "Personalnummer;Name;Vorname;Eintrittsdatum;Austrittsdatum;Kostenstelle;E-Mail dienstlich\n"
        "00101;Adler;Ada;01.02.2020;;4711;ada@example.com\n"
        "00102;Berg;Bo;01.03.2021;;4711;bo@example.com\n"
        "00103;Cole;Cy;01.01.2019;31.01.2024;4711;cy@example.com\n",
        key="Personalnummer",
        scope="(Austrittsdatum == '' or Austrittsdatum | date >= today)"
        " and Eintrittsdatum | date <= today",
        user_name="col['E-Mail dienstlich'] | lower",
        display="(Vorname ~ ' ' ~ Name) | trim",
    ),
    "AFAS, Dutch": Format(
        "Medewerkernummer;Roepnaam;Achternaam;E-mail werk;Datum in dienst;Datum uit dienst"
        ";Afdeling;Functie;Leidinggevende\n"
        "101;Ada;Adler;ada@example.com;01-02-2020;;ICT;Ontwikkelaar;102\n"
        "102;Bo;Berg;bo@example.com;25-03-2021;;ICT;Ontwikkelaar;\n"
        "103;Cy;Cole;cy@example.com;01-01-2019;31-01-2024;ICT;Ontwikkelaar;102\n",
        key="Medewerkernummer",
        scope="(col['Datum uit dienst'] == ''"
        " or col['Datum uit dienst'] | date('%d-%m-%Y') >= today)"
        " and col['Datum in dienst'] | date('%d-%m-%Y') <= today",
        user_name="col['E-mail werk'] | lower",
        manager="ref(Leidinggevende)",
    ),
    "Zoho People": Format(
        "EmployeeID,First Name,Last Name,Email ID,Employee Status,Date of joining,Date of exit"
        ",Reporting To,Designation\n"
        "101,Ada,Adler,ada@example.com,Active,01-Feb-2020,,102,Engineer\n"
        "102,Bo,Berg,bo@example.com,Active,01-Mar-2021,,,Clerk\n"
        "103,Cy,Cole,cy@example.com,Resigned,01-Jan-2019,31-Jan-2024,102,Clerk\n",
        key="EmployeeID",
        scope="col['Employee Status'] == 'Active'"
        " and col['Date of joining'] | date('%d-%b-%Y') <= today",
        user_name="col['Email ID'] | lower",
        manager="ref(col['Reporting To'])",
    ),
    "Portuguese": Format(
        "Matrícula;Nome;Sobrenome;E-mail;Situação;Data de admissão;Data de demissão;Cargo;Gestor\n"
        "101;Ada;Adler;ada@example.com;Ativo;25/02/2020;;Analista;102\n"
        "102;Bo;Berg;bo@example.com;Ativo;01/03/2021;;Analista;\n"
        "103;Cy;Cole;cy@example.com;Demitido;01/01/2019;31/01/2024;Analista;102\n",
        key="Matrícula",
        scope="col['Situação'] == 'Ativo' and col['Data de admissão'] | date('%d/%m/%Y') <= today",
        user_name="col['E-mail'] | lower",
        display="(Nome ~ ' ' ~ Sobrenome) | trim",
        manager="ref(Gestor)",
    ),
    "Swedish": Format(
        "Anställningsnummer;Förnamn;Efternamn;E-post;Anställningsstatus;Anställningsdatum\n"
        "101;Ada;Åström;ada@example.com;Aktiv;2020-02-01\n"
        "102;Bo;Berg;bo@example.com;Aktiv;2021-03-01\n"
        "103;Cy;Cole;cy@example.com;Avslutad;2019-01-01\n",
        key="Anställningsnummer",
        scope="col['Anställningsstatus'] == 'Aktiv' and col['Anställningsdatum'] | date <= today",
        user_name="col['E-post'] | lower",
        display="(col['Förnamn'] ~ ' ' ~ Efternamn) | trim",
    ),
    "Polish": Format(
        "Numer pracownika;Imię;Nazwisko;Adres e-mail;Status;Data zatrudnienia;Dział\n"
        "101;Ada;Żak;ada@example.com;Aktywny;01.02.2020;IT\n"
        "102;Bo;Berg;bo@example.com;Aktywny;01.03.2021;IT\n"
        "103;Cy;Cole;cy@example.com;Zwolniony;01.01.2019;IT\n",
        key="Numer pracownika",
        scope="Status == 'Aktywny' and col['Data zatrudnienia'] | date <= today",
        user_name="col['Adres e-mail'] | lower",
        display="(col['Imię'] ~ ' ' ~ Nazwisko) | trim",
        encoding="utf-16-be",
        source={"encoding": "utf-16-be"},
    ),
    "SAP HCM": Format(
        "PersNr;Nachname;Vorname;Eintritt;Austritt;STAT2;Kostenstelle;Vorg. PersNr;E-Mail\n"
        "00000101;Adler;Ada;01.02.2020;31.12.9999;3;47;00000102;ada@example.com\n"
        "00000102;Berg;Bo;01.03.2021;31.12.9999;3;47;;bo@example.com\n"
        "00000103;Cole;Cy;01.01.2019;31.01.2024;0;47;00000102;cy@example.com\n",
        key="PersNr",
        scope="STAT2 == '3' and Eintritt | date <= today",
        user_name="col['E-Mail'] | lower",
        manager="ref(col['Vorg. PersNr'])",
    ),
    "Oracle HCM": Format(
        "PersonNumber,FirstName,LastName,WorkEmail,AssignmentStatus,HireDate,TerminationDate"
        ",ManagerPersonNumber\n"
        "101,Ada,Adler,ada@example.com,ACTIVE_PROCESS,2020/02/01,,102\n"
        "102,Bo,Berg,bo@example.com,ACTIVE_PROCESS,2021/03/01,,\n"
        "103,Cy,Cole,cy@example.com,INACTIVE_PROCESS,2019/01/01,2024/01/31,102\n",
        key="PersonNumber",
        scope="AssignmentStatus == 'ACTIVE_PROCESS' and HireDate | date <= today",
        user_name="WorkEmail | lower",
        manager="ref(ManagerPersonNumber)",
    ),
    "PeopleSoft": Format(
        "EMPLID,FIRST_NAME,LAST_NAME,EMAIL_ADDR,EMPL_STATUS,HIRE_DT,TERMINATION_DT,SUPERVISOR_ID\n"
        "0101,Ada,Adler,ada@example.com,A,2020-02-01,,0102\n"
        "0102,Bo,Berg,bo@example.com,A,2021-03-01,,\n"
        "0103,Cy,Cole,cy@example.com,T,2019-01-01,2024-01-31,0102\n"
        "0104,Flo,Falk,flo@example.com,L,2019-01-01,,0102\n",
        key="EMPLID",
        scope="EMPL_STATUS == 'A' and HIRE_DT | date <= today",
        user_name="EMAIL_ADDR | lower",
        manager="ref(SUPERVISOR_ID)",
        told=("users with 'L' are out of scope",),
    ),
    "SailPoint": Format(
        "employeeId,firstname,lastname,displayName,email,managerId,lifecycleState,inactive\n"
        "101,Ada,Adler,Ada Adler,ada@example.com,102,active,false\n"
        "102,Bo,Berg,Bo Berg,bo@example.com,,active,false\n"
        "103,Cy,Cole,Cy Cole,cy@example.com,102,active,true\n",
        key="employeeId",
        scope="lifecycleState == 'active' and inactive == 'false'",
        user_name="email | lower",
        manager="ref(managerId)",
    ),
    "Slack": Format(
        "username,email,status,billing-active,has-2fa,has-sso,userid,fullname,displayname\n"
        "ada,ada@example.com,Primary Owner,1,1,0,U1,Ada Adler,Ada\n"
        "bo,bo@example.com,Member,1,1,0,U2,Bo Berg,Bo\n"
        "cy,cy@example.com,Deactivated,0,1,0,U3,Cy Cole,Cy\n"
        "helper,helper@example.com,Bot,0,1,0,U4,Helper,Helper\n",
        key="userid",
        scope="status in ['Primary Owner', 'Member']",
        user_name="username",
        users=("ada", "bo"),
        told=("'Primary Owner', 'Member' were treated as active",),
    ),
    "Google Workspace": Format(
        "First Name [Required],Last Name [Required],Email Address [Required]"
        ",Password [Required],Org Unit Path [Required],New Primary Email [UPLOAD ONLY]"
        ",Status [READ ONLY],Last Sign In [READ ONLY],Recovery Email,Employee ID,Manager Email"
        ",Department,New Status [UPLOAD ONLY]\n"
        "Ada,Adler,ada@example.com,****,/,,Active,2026/01/01 08:00:00,a@example.org,,bo@example.com"
        ",IT,\n"
        "Bo,Berg,bo@example.com,****,/,,Active,2026/01/01 08:00:00,b@example.org,102,,HR,\n"
        "Cy,Cole,cy@example.com,****,/,,Suspended,Never logged in,c@example.org,103,,HR,\n",
        key="Email Address [Required]",
        scope="col['Status [READ ONLY]'] == 'Active'",
        user_name="col['Email Address [Required]'] | lower",
        display="(col['First Name [Required]'] ~ ' ' ~ col['Last Name [Required]']) | trim",
        manager="ref(col['Manager Email'])",
        told=("The key is col['Email Address [Required]'], because no number identifies",),
    ),
    "GAM": Format(
        "primaryEmail,id,name.givenName,name.familyName,suspended,archived,isAdmin,orgUnitPath\n"
        "ada@example.com,1091,Ada,Adler,False,False,True,/\n"
        "bo@example.com,1092,Bo,Berg,False,False,False,/\n"
        "cy@example.com,1093,Cy,Cole,True,False,False,/\n"
        "ed@example.com,1095,Ed,Ende,False,True,False,/\n",
        key="id",
        scope="suspended == 'False' and archived == 'False'",
        user_name="primaryEmail | lower",
        display="(col['name.givenName'] ~ ' ' ~ col['name.familyName']) | trim",
    ),
    "Microsoft 365": Format(
        '"Block credential","City","Department","Display name","First name","Last name","Licenses"'
        ',"Object Id","Password never expires","Title","User principal name"\n'
        '"False","Berlin","IT","Ada Adler","Ada","Adler","Plan A+Plan B","0a","False","Engineer"'
        ',"ada@example.com"\n'
        '"False","Berlin","HR","Bo Berg","Bo","Berg","Plan A","0b","False","Clerk"'
        ',"bo@example.com"\n'
        '"True","Berlin","HR","Cy Cole","Cy","Cole","","0c","False","Clerk","cy@example.com"\n',
        key="Object Id",
        scope="col['Block credential'] == 'False'",
        user_name="col['User principal name'] | lower",
        display="col['Display name']",
        source={"lists": {"Licenses": "+"}},
    ),
    "Entra": Format(
        "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle"
        ",department,accountEnabled,usageLocation,creationType,invitationState,createdDateTime\n"
        "ada@example.com,Ada Adler,Adler,ada@example.com,Ada,0a,Member,Engineer,IT,True,DE,,"
        ",2020-02-01T08:00:00Z\n"
        "bo@example.com,Bo Berg,Berg,,Bo,0b,Member,Clerk,HR,True,DE,,,2021-03-01T08:00:00Z\n"
        "cy@example.com,Cy Cole,Cole,cy@example.com,Cy,0c,Member,Clerk,HR,False,DE,,"
        ",2019-01-01T08:00:00Z\n",
        key="objectId",
        scope="accountEnabled == 'True'",
        user_name="userPrincipalName | lower",
        display="displayName",
        encoding="utf-8-sig",
    ),
    "Entra, template for bulk creation": Format(
        "Name [displayName] Required,User name [userPrincipalName] Required"
        ",Initial password [passwordProfile] Required"
        ",Block sign in (Yes/No) [accountEnabled] Required,First name [givenName]"
        ",Last name [surname],Job title [jobTitle]\n"
        "Ada Adler,ada@example.com,x,No,Ada,Adler,Engineer\n"
        "Bo Berg,bo@example.com,x,No,Bo,Berg,Clerk\n"
        "Cy Cole,cy@example.com,x,Yes,Cy,Cole,Clerk\n",
        key="User name [userPrincipalName] Required",
        scope="col['Block sign in (Yes/No) [accountEnabled] Required'] == 'No'",
        user_name="col['User name [userPrincipalName] Required'] | lower",
        told=("The key is col['User name [userPrincipalName] Required'], because no number",),
    ),
    "Okta": Format(
        "user.id,user.login,user.firstName,user.lastName,user.email,user.status"
        ",user.employeeNumber\n"
        "00u1,ada@example.com,Ada,Adler,ada@example.com,ACTIVE,\n"
        "00u2,bo@example.com,Bo,Berg,bo@example.com,PASSWORD_EXPIRED,102\n"
        "00u3,cy@example.com,Cy,Cole,cy@example.com,DEPROVISIONED,103\n"
        "00u4,di@example.com,Di,Dorn,di@example.com,STAGED,104\n",
        key="user.id",
        scope="col['user.status'] in ['ACTIVE', 'PASSWORD_EXPIRED']",
        user_name="col['user.login']",
        told=("users with 'STAGED' are out of scope",),
    ),
    "Get-ADUser": Format(
        '"DistinguishedName","Enabled","GivenName","Name","ObjectClass","ObjectGUID"'
        ',"SamAccountName","SID","Surname","UserPrincipalName","Manager"\n'
        '"CN=Ada Adler,OU=x,DC=example,DC=com","True","Ada","Ada Adler","user","0a-1","ada"'
        ',"S-1-5-1","Adler","ada@example.com","CN=Bo Berg,OU=x,DC=example,DC=com"\n'
        '"CN=Bo Berg,OU=x,DC=example,DC=com","True","Bo","Bo Berg","user","0b-1","bo"'
        ',"S-1-5-2","Berg","bo@example.com",""\n'
        '"CN=Cy Cole,OU=x,DC=example,DC=com","False","Cy","Cy Cole","user","0c-1","cy"'
        ',"S-1-5-3","Cole","cy@example.com",""\n',
        key="ObjectGUID",
        scope="Enabled == 'True'",
        user_name="UserPrincipalName | lower",
        display="(GivenName ~ ' ' ~ Surname) | trim",
        told=("The manager is not mapped, because Manager holds values of DistinguishedName and",),
    ),
    "csvde": Format(
        "DN,objectClass,cn,sn,givenName,displayName,objectGUID,userAccountControl,sAMAccountName"
        ",mail,manager\n"
        "\"CN=Ada,DC=example,DC=com\",user,Ada Adler,Adler,Ada,Ada Adler,X'0a',512,aadler"
        ",ada@example.com,\n"
        "\"CN=Bo,DC=example,DC=com\",user,Bo Berg,Berg,Bo,Bo Berg,X'0b',66048,bberg"
        ",bo@example.com,\n"
        "\"CN=Cy,DC=example,DC=com\",user,Cy Cole,Cole,Cy,Cy Cole,X'0c',514,ccole"
        ",cy@example.com,\n",
        key="objectGUID",
        scope="(userAccountControl | int) // 2 % 2 == 0",
        user_name="sAMAccountName",
        users=("aadler", "bberg"),
    ),
    "JumpCloud": Format(
        "firstname,lastname,username,email,employeeIdentifier,state,suspended,activated\n"
        "Ada,Adler,aadler,ada@example.com,101,ACTIVATED,false,true\n"
        "Bo,Berg,bberg,bo@example.com,102,ACTIVATED,false,true\n"
        "Cy,Cole,ccole,cy@example.com,103,SUSPENDED,true,true\n",
        key="employeeIdentifier",
        scope="state == 'ACTIVATED' and suspended == 'false' and activated == 'true'",
        user_name="username",
        users=("aadler", "bberg"),
    ),
    "Moodle": Format(
        "username,firstname,lastname,email,idnumber,institution,department,phone1,city,country"
        ",suspended\n"
        "aadler,Ada,Adler,ada@example.com,101,,IT,,Berlin,DE,0\n"
        "bberg,Bo,,bo@example.com,102,,IT,,Berlin,DE,0\n"
        "ccole,Cy,Cole,cy@example.com,103,,IT,,Berlin,DE,1\n",
        key="idnumber",
        scope="suspended == '0'",
        user_name="username",
        users=("aadler", "bberg"),
        display="(firstname ~ ' ' ~ lastname) | trim",
    ),
    "Canvas": Format(
        "user_id,integration_id,login_id,password,first_name,last_name,full_name,sortable_name"
        ",email,status\n"
        '101,,aadler,,Ada,Adler,Ada Adler,"Adler, Ada",family@example.com,active\n'
        '102,,bberg,,Bo,Adler,Bo Adler,"Adler, Bo",family@example.com,active\n'
        '103,,ccole,,Cy,Cole,Cy Cole,"Cole, Cy",,deleted\n',
        key="user_id",
        scope="status == 'active'",
        user_name="login_id",
        users=("aadler", "bberg"),
        display="full_name",
    ),
    "OneRoster": Format(
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,givenName"
        ",familyName,identifier,email,grades\n"
        "s-1,active,2026-01-01T00:00:00Z,true,o-1,student,aadler,Ada,Adler,,ada@example.com,07\n"
        "s-2,active,2026-01-01T00:00:00Z,true,o-1,teacher,bberg,Bo,Berg,,bo@example.com,\n"
        "s-3,tobedeleted,2026-01-01T00:00:00Z,true,o-1,student,ccole,Cy,Cole,,cy@example.com,07\n"
        "s-4,active,2026-01-01T00:00:00Z,false,o-1,student,ddorn,Di,Dorn,,di@example.com,07\n",
        key="sourcedId",
        scope="status == 'active' and enabledUser == 'true'",
        user_name="username",
        users=("aadler", "bberg"),
    ),
    "PowerSchool": Format(
        "Student_Number\tFirst_Name\tLast_Name\tEnroll_Status\tGrade_Level\tStudent_Email\n"
        "101\tAda\tAdler\t0\t7\tada@example.com\n"
        "102\tBo\tBerg\t0\t8\tbo@example.com\n"
        "103\tCy\tCole\t2\t8\tcy@example.com\n"
        "104\tDi\tDorn\t-1\t8\tdi@example.com\n",
        key="Student_Number",
        scope="Enroll_Status == '0'",
        user_name="Student_Email | lower",
        told=("users with '-1' are out of scope",),
    ),
    "a status without a known name": Format(
        "nummer,wer,adresse,beschaeftigung\n"
        "1,Ada,ada@example.com,beschäftigt\n"
        "2,Bo,bo@example.com,beschäftigt\n"
        "3,Cy,cy@example.com,ausgeschieden\n",
        key="nummer",
        scope="beschaeftigung == 'beschäftigt'",
        user_name="adresse | lower",
    ),
    "nothing about leavers": Format(
        "id,name,mail,shoe size\n1,Ada,ada@example.com,40\n2,Bo,bo@example.com,41\n",
        key="id",
        scope=None,
        user_name="mail | lower",
        display="name",
        told=("No column was recognized that says who has left, so everyone gets an account",),
    ),
    "dates that can be read in two ways": Format(
        "id,name,mail,status,start\n"
        "1,Ada,ada@example.com,active,01/02/2020\n2,Bo,bo@example.com,active,03/04/2021\n",
        key="id",
        scope="status == 'active'",
        user_name="mail | lower",
        told=(
            "start was not used for the scope, because '01/02/2020' can mean two different days",
        ),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_becomes_a_configuration_that_keeps_leavers_out(
    office: Office, name: str
) -> None:
    expected = FORMATS[name]
    (office.folder / "sync.toml").unlink()
    (office.folder / "hr.csv").write_bytes(expected.text.encode(expected.encoding))

    ran = office.run("init", "hr.csv")

    assert (ran.code, ran.err) == (0, "")
    document = tomllib.loads((office.folder / "sync.toml").read_text("utf-8"))
    (source,), (target,) = document["sources"].values(), document["targets"].values()
    user = target["user"]
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"
    assert source["key"] == expected.key
    assert target.get("scope") == expected.scope
    assert user["userName"] == expected.user_name
    assert user.get("displayName") == (expected.display or user.get("displayName"))
    assert user.get(manager) == expected.manager
    assert source | expected.source == source
    screen = " ".join(ran.out.split())
    for note in expected.told:
        assert note in screen
    assert ("Check before the first push" in screen) == bool(expected.told)

    planned = office.run("plan", "--offline", "--json")
    assert planned.code == 0, planned.err
    (result,) = planned.document["targets"].values()
    assert [after(operation, "userName") for operation in result["operations"]] == list(
        expected.users
    )
    assert planned.document["problems"] == []


def after(operation: dict[str, Any], path: str) -> str:
    """Return the value that an operation gives an attribute."""
    (change,) = [change for change in operation["changes"] if change["path"] == path]
    return str(change["after"])
