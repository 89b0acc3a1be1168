//! The records as IBGE's public API nests them, and flat as its `view=nivelado` has them.
//!
//! Each record borrows from the map and serialises with IBGE's own keys, hyphens and capitals included.

use serde::Serialize;

use super::{Area, District, Localities, Municipality};
use crate::states::{Region, State};

/// A state: `{"id","sigla","nome","regiao"}`.
#[derive(Debug, Clone, Serialize)]
pub struct StateRecord {
    id: u8,
    sigla: &'static str,
    nome: &'static str,
    regiao: &'static Region,
}

/// A municipality with the regions above it.
#[derive(Debug, Clone, Serialize)]
pub struct MunicipalityRecord<'a> {
    id: u32,
    nome: &'a str,
    microrregiao: Option<Microregion<'a>>,
    #[serde(rename = "regiao-imediata")]
    regiao_imediata: ImmediateRegion<'a>,
}

/// A district with its whole municipality.
#[derive(Debug, Clone, Serialize)]
pub struct DistrictRecord<'a> {
    id: u32,
    nome: &'a str,
    municipio: MunicipalityRecord<'a>,
}

#[derive(Debug, Clone, Serialize)]
struct Microregion<'a> {
    id: u32,
    nome: &'a str,
    mesorregiao: Upper<'a>,
}

#[derive(Debug, Clone, Serialize)]
struct ImmediateRegion<'a> {
    id: u32,
    nome: &'a str,
    #[serde(rename = "regiao-intermediaria")]
    regiao_intermediaria: Upper<'a>,
}

/// A mesoregion or an intermediate region.
#[derive(Debug, Clone, Serialize)]
struct Upper<'a> {
    id: u32,
    nome: &'a str,
    #[serde(rename = "UF")]
    uf: StateRecord,
}

/// A state, municipality or district on one level; what a record does not have is left out, but for a microregion that
/// is missing, which is `null`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FlatRecord<'a> {
    #[serde(flatten)]
    distrito: Option<FlatDistrict<'a>>,
    #[serde(flatten)]
    municipio: Option<FlatMunicipality<'a>>,
    #[serde(rename = "UF-id")]
    uf_id: u8,
    #[serde(rename = "UF-sigla")]
    uf_sigla: &'static str,
    #[serde(rename = "UF-nome")]
    uf_nome: &'static str,
    regiao_id: u8,
    regiao_sigla: &'static str,
    regiao_nome: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
struct FlatDistrict<'a> {
    distrito_id: u32,
    distrito_nome: &'a str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
struct FlatMunicipality<'a> {
    municipio_id: u32,
    municipio_nome: &'a str,
    microrregiao_id: Option<u32>,
    microrregiao_nome: Option<&'a str>,
    mesorregiao_id: Option<u32>,
    mesorregiao_nome: Option<&'a str>,
    regiao_imediata_id: u32,
    regiao_imediata_nome: &'a str,
    regiao_intermediaria_id: u32,
    regiao_intermediaria_nome: &'a str,
}

impl State {
    /// The state as the API nests it.
    pub fn record(&self) -> StateRecord {
        StateRecord { id: self.id, sigla: self.sigla, nome: self.nome, regiao: self.region() }
    }

    /// The state on one level.
    pub fn flat(&self) -> FlatRecord<'static> {
        let region = self.region();
        FlatRecord {
            distrito: None,
            municipio: None,
            uf_id: self.id,
            uf_sigla: self.sigla,
            uf_nome: self.nome,
            regiao_id: region.id,
            regiao_sigla: region.sigla,
            regiao_nome: region.nome,
        }
    }
}

impl Municipality {
    /// The municipality as the API nests it.
    pub fn record(&self) -> MunicipalityRecord<'_> {
        MunicipalityRecord {
            id: self.id,
            nome: &self.nome,
            microrregiao: self.microrregiao.as_ref().map(|(micro, meso)| Microregion {
                id: micro.id,
                nome: &micro.nome,
                mesorregiao: self.upper(meso),
            }),
            regiao_imediata: ImmediateRegion {
                id: self.regiao_imediata.id,
                nome: &self.regiao_imediata.nome,
                regiao_intermediaria: self.upper(&self.regiao_intermediaria),
            },
        }
    }

    fn upper<'a>(&self, area: &'a Area) -> Upper<'a> {
        Upper { id: area.id, nome: &area.nome, uf: self.state.record() }
    }

    /// The municipality on one level.
    pub fn flat(&self) -> FlatRecord<'_> {
        let (micro, meso) = self.microrregiao.as_ref().map(|(micro, meso)| (micro, meso)).unzip();
        FlatRecord {
            municipio: Some(FlatMunicipality {
                municipio_id: self.id,
                municipio_nome: &self.nome,
                microrregiao_id: micro.map(|area| area.id),
                microrregiao_nome: micro.map(|area| &*area.nome),
                mesorregiao_id: meso.map(|area| area.id),
                mesorregiao_nome: meso.map(|area| &*area.nome),
                regiao_imediata_id: self.regiao_imediata.id,
                regiao_imediata_nome: &self.regiao_imediata.nome,
                regiao_intermediaria_id: self.regiao_intermediaria.id,
                regiao_intermediaria_nome: &self.regiao_intermediaria.nome,
            }),
            ..self.state.flat()
        }
    }
}

impl District {
    /// The district as the API nests it.
    pub fn record<'a>(&'a self, map: &'a Localities) -> DistrictRecord<'a> {
        DistrictRecord { id: self.id, nome: &self.nome, municipio: map.municipality_of(self).record() }
    }

    /// The district on one level.
    pub fn flat<'a>(&'a self, map: &'a Localities) -> FlatRecord<'a> {
        FlatRecord {
            distrito: Some(FlatDistrict { distrito_id: self.id, distrito_nome: &self.nome }),
            ..map.municipality_of(self).flat()
        }
    }
}
