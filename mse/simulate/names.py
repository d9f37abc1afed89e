"""Names for synthetic identities, by group: common ones, with particles, accents and hyphens where they occur."""

from __future__ import annotations

SURNAMES = {
    "Dutch": """
        de Jong, Jansen, de Vries, van den Berg, van Dijk, Bakker, Janssen, Visser, Smit, Meijer, de Boer, Mulder,
        de Groot, Bos, Vos, Peters, Hendriks, van Leeuwen, Dekker, Brouwer, de Wit, Dijkstra, Smits, de Graaf,
        van der Meer, van der Linden, Kok, Jacobs, de Haan, Vermeulen, van den Heuvel, van der Veen, van den Broek,
        de Bruijn, Schouten, van Beek, Willems, van Vliet, van de Ven, Hoekstra, Maas, Verhoeven, Koster, van Dam,
        van der Wal, Prins, Blom, Huisman, Peeters, de Lange, van der Horst, Kuiper, Kuijpers, Veenstra, Postma,
        Timmermans, Groen, van Wijk, Martens, van Veen, van der Heijden, Kramer, van den Brink, van der Laan,
        Scholten, de Leeuw, Gerritsen, Molenaar, van Doorn, Zwart, Bosman, ter Horst, Wolters, van 't Hof, 't Hart,
        op den Kamp, ten Brink, van Loon, Koning, Geurts, Driessen, Rietveld, van Schaik, Verbeek, Coenraads, Noë,
        Daniëls, van Noorloos, Oostveen, Terpstra, Haverkamp, Lammers, Sikkema, Wiersma, van Zanten, Zijlstra
    """,
    "EU": """
        Kowalska, Nowak, Wiśniewska, Wójcik, Kamiński, Lewandowska, Zieliński, Szymańska, Woźniak, Dąbrowska,
        Kozłowski, Jankowska, Mazur, Krawczyk, Piotrowski, Grabowska, Pawłowska, Michalski, Zając, Król, Popescu,
        Ionescu, Dumitru, Stan, Gheorghe, Rusu, Munteanu, Matei, Marin, Ciobanu, Florea, Stoica, Rădulescu, Dinu,
        Ilie, Petrov, Ivanova, Dimitrova, Georgiev, Nikolova, Stoyanov, Todorova, Marinov, Kovács, Szabó, Horváth,
        Németh, Farkas, Balogh, Papp, Takács, Juhász, Novák, Svobodová, Dvořák, Horvat, Marić, Kovačević, Kalniņa,
        Ozola, Kazlauskas, Petrauskienė, García, Fernández, Gonçalves, Ferreira, Rossi, Ricci, Esposito, Müller,
        Schäfer, Weiß, Lefèvre, Moreau, Papadopoulos, Nikolaidis, de Almeida, von Braun, di Stefano, dos Santos
    """,
    "Africa": """
        Okafor, Okonkwo, Adeyemi, Balogun, Eze, Obi, Nwosu, Igbinedion, Osagie, Omoregie, Ehigiator, Uwaifo, Idahosa,
        Aigbe, Mensah, Owusu, Boateng, Asante, Appiah, Osei, Agyeman, Tesfaye, Haile, Gebremedhin, Kidane, Tekle,
        Abraha, Mehari, Yohannes, Habte, Abdi, Warsame, Farah, Hassan Ali, Jama, Diallo, Bah, Barry, Camara, Sow,
        Traoré, Koné, Keïta, Touré, Kamara, Conteh, Sesay, Koroma, el Idrissi, Benali, el Amrani, Bouzid, Haddad,
        Mansouri, Ouédraogo, N'Diaye, Mbeki, Nkosi, Dlamini, Kabila, Mukendi, Ilunga, Tshibangu, Wanjiku, Otieno
    """,
    "Asia": """
        Nguyễn, Trần, Lê, Phạm, Hoàng, Phan, Vũ, Đặng, Bùi, Đỗ, Hồ, Ngô, Wang, Li, Zhang, Liu, Chen, Yang, Huang,
        Zhao, Wu, Zhou, Xu, Sun, Singh, Kaur, Sharma, Patel, Gupta, Khan, Hussain, Ahmed, Rahman, Islam, Chowdhury,
        Gurung, Tamang, Thapa, Shrestha, dela Cruz, Reyes, Bautista, de los Reyes, Villanueva, Santiago, Al Hassan,
        Al Ahmad, Haddou, Khalil, Saleh, Ibrahim, Wattana, Srisuk, Wijaya, Susanto, Setiawan, Perera, Fernando
    """,
    "other": """
        Shevchenko, Kovalenko, Bondarenko, Tkachenko, Kravchenko, Boyko, Ivanenko, Hoxha, Shehu, Çela, Leka, Dervishi,
        Gjoka, Yılmaz, Kaya, Demir, Şahin, Çelik, Yıldız, Aydın, Öztürk, Arslan, da Silva, Souza, Oliveira, Pereira,
        Lima, Araújo, Rodríguez, Martínez, Gómez, Jiménez, Muñoz, Ramírez, Vargas, de la Torre, Kromodimedjo,
        Doekhi, Pinas, Sabajo, Martina, Maduro, Winklaar, Jovanović, Petrović, Nikolić, Đorđević, Ilić, Gashi,
        Krasniqi, Beridze, Kapanadze, Petrosyan, Grigoryan, Smith, Johnson, O'Brien, Williams-Jones, Taylor, Brown
    """,
}
FEMALE = {
    "Dutch": """
        Emma, Sanne, Anouk, Lisa, Fleur, Lotte, Iris, Noa, Femke, Esmée, Maud, Renée, Kim, Demi, Romy, Daphne, Britt,
        Chantal, Nienke, Marloes, Wendy, Ilse, Zoë, Chloë, Anne-Fleur, Marie-Louise, Jolanda, Sharon, Melissa, Naomi
    """,
    "EU": """
        Anna, Katarzyna, Agnieszka, Małgorzata, Joanna, Ewa, Elena, Ioana, Andreea, Mihaela, Alina, Mădălina,
        Gabriela, Ivana, Desislava, Radka, Tsvetelina, Zsófia, Eszter, Réka, Kinga, Petra, Lucía, Inês, Chiara
    """,
    "Africa": """
        Blessing, Joy, Faith, Precious, Mercy, Favour, Patience, Osas, Esther, Grace, Abena, Akosua, Selam, Helen,
        Feven, Rahwa, Amina, Fatoumata, Mariama, Aïssatou, Hawa, Kadiatou, Khadija, Yasmina, Naïma, Zainab
    """,
    "Asia": """
        Linh, Hương, Thảo, Mai, Lan, Ngọc, Trang, Mei, Xiu, Ling, Fang, Priya, Sunita, Anjali, Maria Luz, Jasmine,
        Rosalie, Siti, Dewi, Noor, Rania, Lamia, Samira, Malee, Somsri, Rekha
    """,
    "other": """
        Oksana, Olha, Iryna, Nataliya, Tetiana, Elira, Arta, Drita, Ayşe, Fatma, Zeynep, Elif, Juliana, Camila,
        Fernanda, Luísa, María José, Yulissa, Chantelle, Gwendolyn, Jelena, Milica, Ana-Marija, Nino, Anahit, Ashley
    """,
}
MALE = {
    "Dutch": """
        Daan, Sem, Lucas, Bram, Thijs, Jesse, Ruben, Stijn, Kevin, Jeroen, Mark, Dennis, Rick, Niels, Tim, Bas,
        René, Joël, Jan-Willem, Pieter, Sjoerd, Mohammed, Dylan, Milan, Joris, Wouter
    """,
    "EU": """
        Piotr, Krzysztof, Andrzej, Tomasz, Paweł, Michał, Marcin, Łukasz, Andrei, Mihai, Ionuț, Alexandru, Florin,
        Cătălin, Georgi, Ivan, Dimitar, Stefan, László, Zoltán, Gábor, István, Tomáš, José, João, Marco
    """,
    "Africa": """
        Emmanuel, Samuel, Kwame, Kofi, Osaro, Chidi, Emeka, Ibrahim, Moussa, Mamadou, Ousmane, Alpha, Yonas, Filmon,
        Samson, Abel, Mohamed, Abdirahman, Hamza, Youssef, Karim, Désiré, Jean-Pierre, Tunde, Segun
    """,
    "Asia": """
        Minh, Hùng, Tuấn, Dũng, Nam, Quang, Wei, Jun, Ming, Hao, Raj, Suresh, Anil, Imran, Bilal, Tariq, Hamid, Jose
        Mari, Ramon, Agus, Budi, Omar, Khaled, Somchai, Niran
    """,
    "other": """
        Oleksandr, Serhiy, Andriy, Mykola, Vasyl, Arben, Besnik, Ilir, Mehmet, Mustafa, Emre, Ömer, João Pedro,
        Thiago, Rafael, Carlos, José Luis, Andrés, Nikola, Dušan, Giorgi, Levan, Armen, Tigran, Gerald, Winston
    """,
}


def read_names(text: str) -> tuple[str, ...]:
    """Return the names of a text, parted by commas."""
    return tuple(" ".join(name.split()) for name in text.split(","))
