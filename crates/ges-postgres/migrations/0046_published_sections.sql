-- Sections as they were published, with what was wrong with them.
create table published_sections (
    tenant   uuid not null,
    name     text collate "C" not null,
    document text not null,
    constraint published_sections_pk primary key (tenant, name)
);
